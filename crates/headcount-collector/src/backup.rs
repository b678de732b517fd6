//! Backup of a data folder in one file while it is in use, and restore into an empty folder.
//!
//! The store is copied before the index: what the index copy knows of later events is derived anew at
//! restore, and days whose raw events are gone change no more.

mod archive;
mod figures;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::erase::{self, Reach};
use crate::error::Error;
use crate::index::{Index, IndexConfig};
use crate::meta::Meta;
use crate::sqlite;
use crate::store::Store;
use archive::Writer;
pub use figures::Figures;

/// Format of the file.
const FORMAT: u32 = 1;

const MANIFEST: &str = "headcount-backup.json";
const STORE: &str = "store.sqlite";
const META: &str = "meta.sqlite";
const INDEX: &str = "index.sqlite";

/// The entries of the file in order, without the checksum at its end.
const ENTRIES: [&str; 4] = [MANIFEST, STORE, META, INDEX];

/// Where a restore works until all is proven, inside the folder that is restored into.
const WORKSHOP: &str = "restoring";

/// What a backup tells about itself; stands first in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format of the file.
    pub format: u32,
    /// Version of the program that wrote it.
    pub program: String,
    /// Moment of the copy of the store, RFC 3339.
    pub made_at: String,
    /// The headline figures of each project by its name in addresses.
    pub projects: BTreeMap<String, Figures>,
}

/// Writes a backup of a data folder to `file`, which is replaced once all is there. Needs room beside
/// it for a copy of the largest database. Returns what the file tells about itself, and its size in
/// bytes.
///
/// # Errors
/// The folder cannot be read or the file not be written; a file that was there stays as it was.
pub fn write(folder: &Path, file: &Path, now: Timestamp) -> Result<(Manifest, u64), Error> {
    let work = beside(file, ".copying");
    let partial = beside(file, ".partial");
    let done = write_to(folder, &work, &partial, now);
    // Where it was never made, or cannot be removed, the outcome is the same.
    let _ = fs::remove_dir_all(&work);
    let manifest = match done {
        Ok(manifest) => manifest,
        Err(error) => {
            let _ = fs::remove_file(&partial);
            return Err(error);
        }
    };
    fs::rename(&partial, file).map_err(Error::io(file))?;
    sync_folder(
        file.parent()
            .filter(|parent| !parent.as_os_str().is_empty()),
    )?;
    let bytes = fs::metadata(file).map_err(Error::io(file))?.len();
    Ok((manifest, bytes))
}

fn write_to(folder: &Path, work: &Path, partial: &Path, now: Timestamp) -> Result<Manifest, Error> {
    if work.exists() {
        // Left by a backup that was killed.
        fs::remove_dir_all(work).map_err(Error::io(work))?;
    }
    make_private(work)?;
    for name in [STORE, META] {
        sqlite::copy(&folder.join(name), &work.join(name))?;
    }
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: now.to_string(),
        projects: figures_of(work, |store, _, project| Figures::of_events(store, project))?,
    };
    let mut writer = Writer::create(partial, now)?;
    let text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| Error::Damaged(format!("figures: {error}")))?;
    writer.add_bytes(MANIFEST, &text)?;
    writer.add_file(STORE, &work.join(STORE))?;
    fs::remove_file(work.join(STORE)).map_err(Error::io(work))?;
    writer.add_file(META, &work.join(META))?;
    // Last: of days that the store gave up it then knows at least what it knew at that moment.
    sqlite::copy(&folder.join(INDEX), &work.join(INDEX))?;
    writer.add_file(INDEX, &work.join(INDEX))?;
    writer.finish()?;
    Ok(manifest)
}

/// Restores a backup into a folder that exists and holds nothing but perhaps a `lock`. The index of
/// all days with raw events is derived anew, and the figures are compared with those in the backup.
///
/// # Errors
/// The folder is not empty, the file is cut or altered, or the figures differ; then the folder is as
/// empty as before.
pub fn restore(file: &Path, folder: &Path) -> Result<Manifest, Error> {
    let workshop = folder.join(WORKSHOP);
    check_empty(folder)?;
    if workshop.exists() {
        // Left by a restore that was killed.
        fs::remove_dir_all(&workshop).map_err(Error::io(&workshop))?;
    }
    archive::check(file, &ENTRIES)?;
    make_private(&workshop)?;
    let done = restore_to(file, &workshop);
    let manifest = match done {
        Ok(manifest) => manifest,
        Err(error) => {
            let _ = fs::remove_dir_all(&workshop);
            return Err(error);
        }
    };
    // The meta database last: with it the folder counts as a data folder.
    for name in [INDEX, STORE, META] {
        let (from, to) = (workshop.join(name), folder.join(name));
        fs::rename(&from, &to).map_err(Error::io(&to))?;
    }
    fs::remove_dir_all(&workshop).map_err(Error::io(&workshop))?;
    sync_folder(Some(folder))?;
    Ok(manifest)
}

fn restore_to(file: &Path, workshop: &Path) -> Result<Manifest, Error> {
    archive::extract(file, workshop)?;
    let path = workshop.join(MANIFEST);
    let text = fs::read(&path).map_err(Error::io(&path))?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| Error::NoBackup {
        path: file.to_owned(),
        reason: format!("what it tells about itself is not readable: {error}"),
    })?;
    if manifest.format != FORMAT {
        return Err(Error::NoBackup {
            path: file.to_owned(),
            reason: format!(
                "it has format {}, this program knows {FORMAT}: use version {}",
                manifest.format, manifest.program
            ),
        });
    }
    let found = figures_of(workshop, |store, index, project| {
        let index = index.ok_or_else(|| Error::Damaged("no index".to_owned()))?;
        Figures::of_index(store, index, project)
    })?;
    compare(&manifest.projects, &found)?;
    fs::remove_file(&path).map_err(Error::io(&path))?;
    Ok(manifest)
}

/// The figures of each open project of the databases in a folder; with the index where it is there.
fn figures_of(
    folder: &Path,
    of: impl Fn(&Store, Option<&Index>, crate::store::ProjectNumber) -> Result<Figures, Error>,
) -> Result<BTreeMap<String, Figures>, Error> {
    let store = Store::open(folder)?;
    let meta = Meta::open(&folder.join(META)).map_err(Error::meta)?;
    let path = folder.join(INDEX);
    let index = if path.exists() {
        let config = IndexConfig {
            upkeep_every: None,
            ..IndexConfig::default()
        };
        let index = Index::open(&path, store.clone(), config)?;
        let reach = Reach {
            store: &store,
            index: &index,
            meta: &meta,
        };
        // What was being erased while the copies were made.
        let now_ms = crate::ingest::writer::now_ms();
        erase::finish(&reach, || Ok(()), now_ms)?;
        index.rebuild(None)?;
        Some(index)
    } else {
        None
    };
    let mut figures = BTreeMap::new();
    for project in meta.projects().map_err(Error::meta)? {
        let of_project = of(&store, index.as_ref(), project.number)?;
        figures.insert(project.slug, of_project);
    }
    Ok(figures)
}

fn compare(
    told: &BTreeMap<String, Figures>,
    found: &BTreeMap<String, Figures>,
) -> Result<(), Error> {
    for project in told.keys().chain(found.keys()) {
        let (told, found) = (told.get(project), found.get(project));
        if told != found {
            return Err(Error::Differs(format!(
                "{project} had {told:?} and has {found:?}"
            )));
        }
    }
    Ok(())
}

fn check_empty(folder: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let name = entry.map_err(Error::io(folder))?.file_name();
        if name != "lock" && name != WORKSHOP {
            return Err(Error::Config(format!(
                "{} is not empty, it holds {}: restore into an empty folder",
                folder.display(),
                name.display()
            )));
        }
    }
    Ok(())
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Keys and password hashes lie inside.
fn make_private(folder: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder).map_err(Error::io(folder))
}

/// A name that was changed is on disk only with its folder.
fn sync_folder(folder: Option<&Path>) -> Result<(), Error> {
    let folder = folder.unwrap_or(Path::new("."));
    let opened = fs::File::open(folder).and_then(|folder| folder.sync_all());
    opened.map_err(Error::io(folder))
}
