//! The file of a backup: a tar whose last entry is the BLAKE3 hash of every byte before it.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write};
use std::path::Path;

use jiff::Timestamp;
use tar::{Archive, Builder, EntryType, Header};

use crate::error::Error;

const CHECKSUM: &str = "blake3";

/// Entries are padded with zeros to whole blocks; two blocks of zeros end a tar.
const BLOCK_BYTES: usize = 512;

/// Writes to a file and hashes what it writes.
struct Hashing {
    file: BufWriter<File>,
    hasher: blake3::Hasher,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A backup that is being written.
pub(super) struct Writer {
    builder: Builder<Hashing>,
    path: std::path::PathBuf,
    now: Timestamp,
}

impl Writer {
    /// Begins a file that only its owner may read; one that is there is replaced.
    pub(super) fn create(path: &Path, now: Timestamp) -> Result<Self, Error> {
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let file = options.open(path).map_err(Error::io(path))?;
        Ok(Self {
            builder: Builder::new(Hashing {
                file: BufWriter::with_capacity(256 * 1024, file),
                hasher: blake3::Hasher::new(),
            }),
            path: path.to_owned(),
            now,
        })
    }

    pub(super) fn add_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.add(name, bytes.len() as u64, bytes)
    }

    pub(super) fn add_file(&mut self, name: &str, from: &Path) -> Result<(), Error> {
        let file = File::open(from).map_err(Error::io(from))?;
        let bytes = file.metadata().map_err(Error::io(from))?.len();
        self.add(name, bytes, file)
    }

    fn add(&mut self, name: &str, bytes: u64, content: impl Read) -> Result<(), Error> {
        let mut header = Header::new_gnu();
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_mtime(self.now.as_second().max(0).cast_unsigned());
        header.set_entry_type(EntryType::Regular);
        self.builder
            .append_data(&mut header, name, content)
            .map_err(Error::io(&self.path))
    }

    /// Adds the hash, and waits until all is on disk.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        let hash = self.builder.get_ref().hasher.finalize().to_hex();
        self.add_bytes(CHECKSUM, hash.as_bytes())?;
        let file = self.builder.into_inner().map(|hashing| hashing.file);
        let written = file.and_then(|file| file.into_inner()?.sync_all());
        written.map_err(Error::io(&self.path))
    }
}

/// Checks that a file is whole: these entries in this order, the right hash, nothing behind it.
pub(super) fn check(path: &Path, entries: &[&str]) -> Result<(), Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    let broken = |reason: &str| Error::NoBackup {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    match checked(&file, entries) {
        Ok(None) => Ok(()),
        Ok(Some(reason)) => Err(broken(reason)),
        // What tar finds wrong is told as a failure to read.
        Err(error) => Err(broken(&error.to_string())),
    }
}

/// What is wrong with the file.
fn checked(file: &File, expected: &[&str]) -> io::Result<Option<&'static str>> {
    let mut archive = Archive::new(BufReader::new(file));
    let mut names = Vec::new();
    let mut last = None;
    for entry in archive.entries_with_seek()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        if name == CHECKSUM {
            let mut told = String::new();
            (&mut entry).take(1_000).read_to_string(&mut told)?;
            let end = entry.raw_file_position() + told.len() as u64;
            // Tar reads its own sum in several spellings; we write one.
            let mut header = entry.header().clone();
            header.set_cksum();
            if header.as_bytes() == entry.header().as_bytes() {
                last = Some((entry.raw_header_position(), end, told));
            }
            break;
        }
        names.push(name);
    }
    let Some((hashed, end, told)) = last else {
        return Ok(Some("it is cut short, or its end was altered"));
    };
    if names != expected {
        return Ok(Some("it holds other files than a backup"));
    }
    let mut file = file;
    file.seek(SeekFrom::Start(0))?;
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut BufReader::new(file).take(hashed), &mut hasher)?;
    if hasher.finalize().to_hex().as_str() != told {
        return Ok(Some("it was altered or damaged"));
    }
    file.seek(SeekFrom::Start(end))?;
    let mut rest = Vec::new();
    // A padded entry and the end, in blocks as large as tar programs write.
    file.take(64 * 1024).read_to_end(&mut rest)?;
    if rest.len() < told.len().next_multiple_of(BLOCK_BYTES) - told.len() + 2 * BLOCK_BYTES {
        return Ok(Some("it is cut short"));
    }
    let zeros = rest.iter().all(|byte| *byte == 0);
    Ok((!zeros).then_some("something stands behind its end"))
}

/// Writes every entry of a file that was checked into a folder.
pub(super) fn extract(path: &Path, folder: &Path) -> Result<(), Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    let mut archive = Archive::new(BufReader::new(file));
    let extract = |entry: io::Result<tar::Entry<'_, _>>| -> io::Result<()> {
        let mut entry = entry?;
        let name = entry.path()?.file_name().map(ToOwned::to_owned);
        let Some(name) = name.filter(|name| *name != CHECKSUM) else {
            return Ok(());
        };
        let mut to = private(&folder.join(name))?;
        io::copy(&mut entry, &mut to)?;
        to.sync_all()
    };
    let mut entries = archive.entries().map_err(Error::io(path))?;
    entries.try_for_each(extract).map_err(Error::io(folder))
}

fn private(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_cut_or_altered_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        let content: Vec<u8> = (0..700_u32).map(|n| (n % 251) as u8).collect();
        let mut writer = Writer::create(&path, Timestamp::UNIX_EPOCH).unwrap();
        writer.add_bytes("a", b"first").unwrap();
        writer.add_bytes("b", &content).unwrap();
        writer.finish().unwrap();
        check(&path, &["a", "b"]).unwrap();
        let out = folder.path().join("out");
        fs::create_dir(&out).unwrap();
        extract(&path, &out).unwrap();
        assert_eq!(fs::read(out.join("b")).unwrap(), content);
        assert!(!out.join(CHECKSUM).exists());
        let whole = fs::read(&path).unwrap();
        let refused = |bytes: &[u8], what: &str| {
            fs::write(&path, bytes).unwrap();
            let error = check(&path, &["a", "b"]).map(|()| what.to_owned());
            let text = error.unwrap_err().to_string();
            assert!(text.contains("is no whole backup"), "{text}");
        };
        for length in (0..whole.len()).step_by(100) {
            refused(&whole[..length], &format!("cut to {length}"));
        }
        refused(&whole[..whole.len() - 1], "without its last byte");
        for at in (0..whole.len()).step_by(3) {
            let mut altered = whole.clone();
            altered[at] ^= 0x10;
            refused(&altered, &format!("altered at {at}"));
        }
        fs::write(&path, &whole).unwrap();
        assert!(check(&path, &["a"]).is_err());
    }
}
