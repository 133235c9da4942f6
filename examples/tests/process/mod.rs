//! Running the example `mnist`, in folders that go away.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Two epochs of 20 updates, in a second or two.
const SMALL: [&str; 11] =
    ["--limit", "640", "--batch", "32", "--steps", "10", "--epochs", "2", "--threads", "2", "--out"];

/// A small training with its files in that folder; options that are given later replace those it has.
pub(crate) fn mnist(folder: &Folder) -> Command {
    let mut command = Command::new(binary());
    command.args(SMALL).arg(folder.path());
    command
}

/// The example, which is built into a folder next to that of the tests.
///
/// Cargo builds it before it runs all tests of the package, but not if it is asked for some of them: an old example
/// would be tested then.
fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let path = profile.join("examples").join(format!("mnist{}", std::env::consts::EXE_SUFFIX));
    let remedy = "run all tests of the package, or `cargo build --example mnist` before";
    assert!(path.exists(), "expected the example at {}, found none; {remedy}", path.display());
    // The file that Cargo writes next to it: `example: source source ...`.
    let sources = std::fs::read_to_string(path.with_extension("d")).unwrap_or_default();
    let age = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified()).ok();
    for source in sources.split_once(": ").map_or("", |(_, sources)| sources).replace("\\ ", "\0").split_whitespace() {
        let source = PathBuf::from(source.replace('\0', " "));
        assert!(
            age(&source) <= age(&path),
            "expected an example newer than {}, found an old one; {remedy}",
            source.display()
        );
    }
    path
}

/// What a training that has to fail says: one line, and no panic.
pub(crate) fn fails(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    message
}

/// A new folder for the files of one training.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("resume-{name}-{}", std::process::id()));
        let folder = Self(folder);
        folder.clear();
        folder
    }

    pub(crate) fn clear(&self) {
        _ = std::fs::remove_dir_all(&self.0);
        std::fs::create_dir_all(&self.0).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn weights(&self) -> PathBuf {
        self.0.join("mnist.safetensors")
    }

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.0.join("mnist.checkpoint")
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}
