//! Replacing a file as a whole.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

/// Lets `write` fill a new file next to `path`, waits until the disk has it, and gives it the name `path`. Whatever
/// happens, there is the old file or the new one under that name, complete. A process that is killed can leave the new
/// file unfinished under its other name, which begins with a dot and ends with `.tmp`.
///
/// A link is followed: the file it leads to is replaced. A file that is marked as read-only is not replaced, though its
/// folder would allow it. What is neither file nor folder, such as `/dev/null`, is written to directly: another file
/// must not take its place.
///
/// # Errors
/// If the file cannot be written; there is the old file then, or none if there was none.
pub fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let Target { path, old } = target(path)?;
    if old.as_ref().is_some_and(|old| !old.is_file()) {
        return fill(&mut OpenOptions::new().write(true).open(path)?, write);
    }
    let (folder, name) = split(&path)?;
    let (mut file, mut temporary) = create(folder, name)?;
    // Before the contents, which may be nobody else's business.
    if let Some(old) = old {
        file.set_permissions(old.permissions())?;
    }
    fill(&mut file, write)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary.path, &path)?;
    temporary.renamed = true;
    // The new name is an entry of the folder, which has to reach the disk as well. Not every system can open or
    // synchronise a folder; the file is complete under its name either way.
    if cfg!(unix) {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

/// Finds out whether [`replace`] could work, without touching a file of that name.
pub(crate) fn check(path: &Path) -> io::Result<()> {
    let Target { path, old } = target(path)?;
    if old.is_some_and(|old| !old.is_file()) {
        return OpenOptions::new().write(true).open(path).map(drop);
    }
    let (folder, name) = split(&path)?;
    create(folder, name).map(drop)
}

/// Removes what [`replace`] left behind in processes that were killed: their temporary files for `path`.
pub(crate) fn remove_leftovers(path: &Path) -> io::Result<()> {
    let Target { path, .. } = target(path)?;
    let (folder, name) = split(&path)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_temporary(&entry.file_name(), name) {
            match fs::remove_file(entry.path()) {
                // Somebody else was faster.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                outcome => outcome?,
            }
        }
    }
    Ok(())
}

/// Where a file is to be, links followed, and what is there now.
struct Target {
    path: PathBuf,
    old: Option<fs::Metadata>,
}

fn target(path: &Path) -> io::Result<Target> {
    let link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    // A pipe behind `/dev/fd/3` can be opened by that name and has no other.
    let special = fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
    let path = if link && !special { fs::canonicalize(path)? } else { path.to_path_buf() };
    let old = match fs::metadata(&path) {
        Ok(found) => Some(found),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(e),
    };
    if old.as_ref().is_some_and(fs::Metadata::is_dir) {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "the path is a folder, not a file"));
    }
    if old.as_ref().is_some_and(|old| old.is_file() && old.permissions().readonly()) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file there is read-only"));
    }
    Ok(Target { path, old })
}

/// The folder of a file, and its name there.
fn split(path: &Path) -> io::Result<(&Path, &OsStr)> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path does not end with the name of a file"));
    };
    Ok((path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")), name))
}

/// Whether [`create`] made up the name `found` for a file `name`: `.name.process-count.tmp`.
fn is_temporary(found: &OsStr, name: &OsStr) -> bool {
    let kept = kept(name);
    let (found, name) = (found.as_encoded_bytes(), kept.as_encoded_bytes());
    let middle = found.strip_prefix(b".").and_then(|f| f.strip_prefix(name)).and_then(|f| f.strip_prefix(b"."));
    let Some(middle) = middle.and_then(|f| f.strip_suffix(b".tmp")) else { return false };
    let parts: Vec<&[u8]> = middle.split(|&b| b == b'-').collect();
    parts.len() == 2 && parts.iter().all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
}

fn fill(file: &mut File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    write(&mut out)?;
    out.flush()
}

/// Removes the file unless it was renamed.
struct Temporary {
    path: PathBuf,
    renamed: bool,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.renamed {
            // The error that led here is the one to report.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Names may have 255 bytes on most systems; what is added to a name has to fit as well.
const LONGEST_NAME: usize = 200;

/// What stands for a name in that of its temporary file: long ones are cut, and told apart by a hash.
fn kept(name: &OsStr) -> Cow<'_, OsStr> {
    if name.len() <= LONGEST_NAME {
        return name.into();
    }
    let mut hash = DefaultHasher::new();
    name.hash(&mut hash);
    OsString::from(format!("{:016x}", hash.finish())).into()
}

fn create(folder: &Path, name: &OsStr) -> io::Result<(File, Temporary)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    loop {
        let mut temporary = OsString::from(".");
        temporary.push(kept(name));
        temporary.push(format!(".{}-{}.tmp", process::id(), COUNTER.fetch_add(1, Ordering::Relaxed)));
        let path = folder.join(temporary);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, Temporary { path, renamed: false })),
            // Left over from a process that had the same number.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path, text: &str) -> io::Result<()> {
        replace(path, |out| out.write_all(text.as_bytes()))
    }

    fn entries(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_failure_of_the_writer_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        put(&path, "old").unwrap();
        let failed = replace(&path, |out| {
            out.write_all(&[7; 100_000])?;
            Err(io::Error::other("no more"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "no more");
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), entries(dir.path())), ("old", 1));
    }

    #[test]
    fn a_panic_of_the_writer_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        put(&path, "old").unwrap();
        let panicked = std::panic::catch_unwind(|| replace(&path, |_| panic!("a defect")));
        assert!(panicked.is_err());
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), entries(dir.path())), ("old", 1));
    }

    #[test]
    fn the_longest_name_that_the_system_has_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("n".repeat(255));
        put(&path, "text").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "text");
        assert!(put(&dir.path().join("n".repeat(256)), "text").is_err());
        // Leftovers of one long name are not those of another.
        let other = dir.path().join(format!("{}m", "n".repeat(254)));
        let Target { path, .. } = target(&path).unwrap();
        let (file, left) = create(dir.path(), path.file_name().unwrap()).unwrap();
        remove_leftovers(&other).unwrap();
        assert!(left.path.exists());
        remove_leftovers(&path).unwrap();
        assert!(!left.path.exists());
        drop((file, left));
        assert_eq!(entries(dir.path()), 1);
    }

    #[test]
    fn a_read_only_file_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        put(&path, "old").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        let error = put(&path, "new").unwrap_err();
        assert!(error.to_string().contains("read-only"), "{error}");
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), entries(dir.path())), ("old", 1));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("file"), dir.path().join("link"));
        put(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("file", &link).unwrap();
        put(&link, "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        fs::remove_file(&path).unwrap();
        assert!(put(&link, "new").is_err(), "the link leads nowhere");
        assert_eq!(entries(dir.path()), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_is_not_replaced_by_a_file() {
        use std::os::unix::fs::FileTypeExt;
        assert_eq!(put(Path::new("/dev/full"), "text").unwrap_err().kind(), io::ErrorKind::StorageFull);
        put(Path::new("/dev/null"), "text").unwrap();
        for path in ["/dev/full", "/dev/null"] {
            assert!(fs::metadata(path).unwrap().file_type().is_char_device(), "{path}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pipe_without_a_name_is_written_to() {
        use std::io::Read;
        use std::os::fd::AsRawFd;
        let (mut read, write) = io::pipe().unwrap();
        put(Path::new(&format!("/dev/fd/{}", write.as_raw_fd())), "text").unwrap();
        drop(write);
        let mut found = String::new();
        read.read_to_string(&mut found).unwrap();
        assert_eq!(found, "text");
    }

    #[test]
    fn leftovers_of_killed_processes_go_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let kept = ["a", ".a.tmp", ".a.1-2", ".a.1-x.tmp", ".a.1-.tmp", ".a.1.tmp", ".b.1-2.tmp", "x.a.1-2.tmp"];
        for name in kept.iter().chain(&[".a.1-2.tmp", ".a.4000000000-17.tmp"]) {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        remove_leftovers(&dir.path().join("a")).unwrap();
        let mut found: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        found.sort();
        let mut kept = kept.map(OsString::from);
        kept.sort();
        assert_eq!(found, kept);
    }

    #[test]
    fn a_check_finds_what_a_replacement_would_and_touches_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "old").unwrap();
        check(&file).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"old");
        check(&dir.path().join("new")).unwrap();
        for bad in [dir.path().to_path_buf(), dir.path().join("nowhere/file"), dir.path().join("..")] {
            assert!(check(&bad).is_err(), "{}", bad.display());
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
