//! Files that are there complete or not at all, and standard output, whose end may be closed.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes a new file and gives it the name of the old one, so that there is always one of them, complete. `-` and
/// `/dev/stdout` are standard output: the file behind it may hold more than this text, and is not to be replaced.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), String> {
    if path == Path::new("-") || path == Path::new("/dev/stdout") {
        return print(text);
    }
    snn_runtime::atomic::replace(path, |out| out.write_all(text.as_bytes())).map_err(|e| {
        let remains = if path.is_file() { "; the file is unchanged" } else { "" };
        format!("error: cannot write {}: {e}{remains}", path.display())
    })
}

/// Writes to standard output; a closed pipe is no error.
pub(crate) fn print(text: &str) -> Result<(), String> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("error: cannot write: {e}")),
        _ => Ok(()),
    }
}

/// A file or standard output that is opened before there is anything to write.
pub(crate) enum Output {
    /// `-`
    Stream,
    /// A file under another name, which is renamed at the end.
    New { path: PathBuf, temporary: PathBuf, file: File },
    /// What is no file, such as a pipe, is written to as it is.
    Special { path: PathBuf, file: File },
}

impl Output {
    /// Finds out whether there can be written.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let failed = |e: io::Error| format!("error: cannot write {}: {e}", path.display());
        let path = path.to_path_buf();
        if path.as_os_str() == "-" {
            return Ok(Self::Stream);
        }
        if std::fs::metadata(&path).is_ok_and(|m| !m.is_file() && !m.is_dir()) {
            let file = File::options().write(true).open(&path).map_err(failed)?;
            return Ok(Self::Special { path: path.clone(), file });
        }
        if path.is_dir() {
            return Err(format!("error: cannot write {}: it is a folder", path.display()));
        }
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(name);
        let file = File::create(&temporary).map_err(failed)?;
        Ok(Self::New { path: path.clone(), temporary, file })
    }

    /// Writes everything.
    pub(crate) fn write(&mut self, text: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
        let written = |out: &mut dyn Write| {
            let mut out = BufWriter::new(out);
            text(&mut out)?;
            out.flush()
        };
        let (path, result) = match self {
            Self::Stream => {
                let result = written(&mut io::stdout().lock());
                (PathBuf::from("standard output"), result)
            }
            Self::Special { path, file } => (path.clone(), written(file)),
            Self::New { path, temporary, file } => {
                let result = written(file).and_then(|()| std::fs::rename(&*temporary, &*path));
                (path.clone(), result)
            }
        };
        match result {
            // Whoever closes a pipe has read enough.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(e) => Err(format!("error: cannot write {}: {e}", path.display())),
            Ok(()) => Ok(()),
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Self::New { temporary, .. } = self {
            // After a success it is gone.
            let _ = std::fs::remove_file(temporary);
        }
    }
}
