//! Replacing a file as a whole.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes `parts` to a new file next to `path`, waits until the disk has it, and gives it the name `path`. Whatever
/// happens, there is the old file or the new one under that name, complete.
pub(crate) fn replace(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let (folder, name) = split(path)?;
    let (mut file, mut temporary) = create(folder, name)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary.path, path)?;
    temporary.renamed = true;
    // The new name is an entry of the folder, which has to reach the disk as well; only Unix opens folders as files.
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Finds out whether [`replace`] could work, without touching a file of that name.
pub(crate) fn check(path: &Path) -> io::Result<()> {
    let (folder, name) = split(path)?;
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    create(folder, name).map(drop)
}

/// Removes what [`replace`] left behind in processes that were killed: their temporary files for `path`.
pub(crate) fn remove_leftovers(path: &Path) -> io::Result<()> {
    let (folder, name) = split(path)?;
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

/// The folder of a file, and its name there.
fn split(path: &Path) -> io::Result<(&Path, &OsStr)> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path does not end with the name of a file"));
    };
    Ok((path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")), name))
}

/// Whether [`create`] made up the name `found` for a file `name`: `.name.process-count.tmp`.
fn is_temporary(found: &OsStr, name: &OsStr) -> bool {
    let (found, name) = (found.as_encoded_bytes(), name.as_encoded_bytes());
    let middle = found.strip_prefix(b".").and_then(|f| f.strip_prefix(name)).and_then(|f| f.strip_prefix(b"."));
    let Some(middle) = middle.and_then(|f| f.strip_suffix(b".tmp")) else { return false };
    let parts: Vec<&[u8]> = middle.split(|&b| b == b'-').collect();
    parts.len() == 2 && parts.iter().all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
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

fn create(folder: &Path, name: &OsStr) -> io::Result<(File, Temporary)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    loop {
        let mut temporary = OsString::from(".");
        temporary.push(name);
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
