"""Judges, when tables are made or change, which feeds are on. Never turns what an operator chose into "on"."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from headcount.allianceauth import team
from headcount.allianceauth.models import Note, TokenSettings
from headcount.allianceauth.tokens import DEFAULT_IGNORED, aa_tokens, has_all_switches

OWN_TABLE = TokenSettings._meta.db_table
_TABLE = "analytics_analyticstokens"
_FIRST_TEAM_TOKEN = "0002_add_AA_Team_Token"
_SECOND_TEAM_TOKEN = "0008_add_AA_GA-4_Team_Token "
# One run of migrations takes less between two that follow each other; between two releases lies more.
_ONE_RUN = timedelta(seconds=1)


@dataclass(frozen=True)
class Chosen:
    """What a token of Alliance Auth 2 or 3 said before an upgrade took its columns away."""

    token: str
    tasks: bool
    pages: bool
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class Before:
    """How things were before a run of migrations."""

    is_fresh: bool = False
    is_upgrade: bool = False
    chosen: dict[int, Chosen] = field(default_factory=dict)


def look(using: str, plan: list[tuple[Any, bool]]) -> Before:
    """Looks at the database before the migrations of `plan` run."""
    coming: set[str] = set()
    for migration, backwards in plan:
        if migration.app_label == "analytics" and not backwards:
            coming.add(migration.name)
            coming.update(name for label, name in migration.replaces if label == "analytics")
    is_fresh = _FIRST_TEAM_TOKEN in coming
    is_upgrade = not is_fresh and _SECOND_TEAM_TOKEN in coming
    return Before(is_fresh, is_upgrade, _chosen(using) if is_upgrade else {})


def _chosen(using: str) -> dict[int, Chosen]:
    """The choices of a table that still has all switches, by number of the token."""
    paths: dict[int, list[str]] = {}
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT m.analyticstokens_id, p.ignore_path FROM analytics_analyticstokens_ignore_paths m"
            " JOIN analytics_analyticspath p ON p.id = m.analyticspath_id ORDER BY p.id"
        )
        for number, path in cursor.fetchall():
            paths.setdefault(number, []).append(path)
        cursor.execute(f"SELECT id, token, send_celery_tasks, send_page_views FROM {_TABLE}")
        return {
            number: Chosen(token, bool(tasks), bool(pages), tuple(paths.get(number, ())))
            for number, token, tasks, pages in cursor.fetchall()
        }


def judge(using: str, before: Before) -> None:
    """Notes, for every token that has none yet, which feeds are on and why others are not."""
    rows = list(aa_tokens().objects.using(using).order_by("pk"))
    known = TokenSettings.objects.using(using)
    known.exclude(pk__in=[row.pk for row in rows]).delete()
    settled = set(known.values_list("pk", flat=True))
    for row in rows:
        if row.pk in settled and row.pk not in before.chosen:
            continue
        made = _judged(row, rows, before, using)
        kept = known.filter(pk=row.pk).first()
        if kept is not None:
            # What was set here before an upgrade stays; only the switches that the upgrade took away are added.
            made.is_headcount, made.endpoint, made.secret = kept.is_headcount, kept.endpoint, kept.secret
            if kept.is_headcount:
                continue
        made.save(using=using)


def _judged(row: Any, rows: list[Any], before: Before, using: str) -> TokenSettings:
    made = TokenSettings(token_id=row.pk, ignore_paths="\n".join(DEFAULT_IGNORED))
    if before.is_fresh:
        return _fresh(row, made, using)
    if before.is_upgrade:
        return _upgraded(row, made, before)
    if has_all_switches():
        return made
    made.note = Note.EXISTING
    if row.type == "GA-U":
        made.is_held, made.note = True, Note.UNIVERSAL
    elif row.token in team.tokens() and row.send_stats:
        made.note = _doubt(rows, using)
        made.is_held = made.note != Note.EXISTING
    return made


def _fresh(row: Any, made: TokenSettings, using: str) -> TokenSettings:
    """A database that was just made: everything is on, as documented, and can be switched off."""
    if row.type == "GA-U" and not has_all_switches():
        made.is_held, made.note = True, Note.UNIVERSAL
        return made
    aa_tokens().objects.using(using).filter(pk=row.pk).update(send_stats=True)
    made.send_celery_tasks = made.send_page_views = True
    return made


def _upgraded(row: Any, made: TokenSettings, before: Before) -> TokenSettings:
    """The upgrade from three switches to one: the choices of before go on."""
    chosen = before.chosen.get(row.pk)
    is_team = row.token in team.tokens()
    if chosen is not None and chosen.token == row.token:
        made.send_celery_tasks, made.send_page_views = chosen.tasks, chosen.pages
        made.ignore_paths = "\n".join(chosen.ignored)
        if is_team and row.type == "GA-U":
            made.is_held, made.note = True, Note.UNIVERSAL
        return made
    first = next((old for old in before.chosen.values() if is_team and old.token in team.tokens()), None)
    if first is None:
        made.is_held, made.note = True, Note.DELETED
        return made
    made.send_celery_tasks, made.send_page_views = first.tasks, first.pages
    made.ignore_paths = "\n".join(first.ignored)
    return made


def _doubt(rows: list[Any], using: str) -> Any:
    """Why the team's token may be on against its operator's will: a `Note`, which types of Django's do not show."""
    first = next((old for old in rows if old.type == "GA-U" and old.token in team.tokens()), None)
    if first is not None:
        return Note.EXISTING if first.send_stats else Note.DOCUMENTED_PAGE
    applied = dict(
        MigrationRecorder(connections[using])
        .migration_qs.filter(app="analytics", name__in=[_FIRST_TEAM_TOKEN, _SECOND_TEAM_TOKEN])
        .values_list("name", "applied")
    )
    if len(applied) == 2 and applied[_SECOND_TEAM_TOKEN] - applied[_FIRST_TEAM_TOKEN] > _ONE_RUN:
        return Note.DELETED
    return Note.EXISTING
