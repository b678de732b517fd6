-- Days that raw events of the project are kept; NULL: as the server's settings say.
ALTER TABLE projects ADD COLUMN retention_days INTEGER;
