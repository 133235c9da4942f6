//! Full disks and paths that cannot be written: the older file stays, nothing else is left, and the message says what
//! to do. A process of its own is limited, so that the operating system refuses in earnest.
#![cfg(unix)]

use super::*;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// What the other process does, and in which folder.
const TASK: &str = "SNN_FAULTS_TASK";
const FOLDER: &str = "SNN_FAULTS_FOLDER";

/// More than the limit of the other process, whatever unit its shell counts in.
const LARGE: usize = 20_000;
const SMALL: usize = 20;

/// This executable, running only [`other_process`]; `shell` comes before it.
fn other(shell: &str, task: &str, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{shell} exec \"$0\" \"$@\"")).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "disk::other_process", "--nocapture"]).env(TASK, task).env(FOLDER, folder);
    command
}

fn succeeds(mut command: Command) {
    let output = command.output().unwrap();
    let text = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// Not a test by itself: what the other processes run.
#[test]
fn other_process() {
    let (Ok(task), Ok(folder)) = (std::env::var(TASK), std::env::var(FOLDER)) else { return };
    let folder = Path::new(&folder);
    match task.as_str() {
        "write" => {
            for writer in WRITERS {
                let path = folder.join(writer.name);
                let message = (writer.write)(&path, LARGE).expect_err("the limit should be reached").to_string();
                clear(&message, &path);
                assert!(
                    message.contains("File too large") && message.contains("check the path, the permissions"),
                    "{message}"
                );
                assert!(message.contains("cannot write the file") || message.contains("cannot save the parameters"));
            }
        }
        "refused" => {
            for writer in WRITERS {
                for name in [writer.name, "new"] {
                    let path = folder.join(name);
                    let message = (writer.write)(&path, SMALL).expect_err("the folder is read-only").to_string();
                    clear(&message, &path);
                    assert!(message.contains("Permission denied"), "{message}");
                }
            }
            let path = folder.join("secret");
            let message = store::load(&path, &mut parameters(SMALL), &ID).unwrap_err().to_string();
            clear(&message, &path);
            assert!(message.contains("cannot open the file: Permission denied"), "{message}");
        }
        "forever" => {
            let path = folder.join("file");
            store::save(&path, &parameters(LARGE), &ID).unwrap();
            println!("ready");
            loop {
                store::save(&path, &parameters(LARGE), &ID).unwrap();
            }
        }
        other => panic!("{other}"),
    }
}

/// An older file of every kind.
fn older(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let written = WRITERS.iter().map(|writer| {
        let path = folder.join(writer.name);
        (writer.write)(&path, SMALL).unwrap();
        let bytes = fs::read(&path).unwrap();
        (path, bytes)
    });
    written.collect()
}

fn untouched(folder: &Path, older: &[(PathBuf, Vec<u8>)]) {
    older.iter().for_each(|(path, bytes)| assert_eq!(fs::read(path).unwrap(), *bytes, "{}", path.display()));
    let mut names: Vec<PathBuf> = older.iter().map(|(path, _)| path.clone()).collect();
    names.sort();
    assert_eq!(entries(folder), names, "nothing else is there");
}

#[test]
fn a_disk_that_fills_up_leaves_the_older_files() {
    let dir = folder();
    let files = older(dir.path());
    // Without the trap the signal would end the process; a full disk sends none.
    succeeds(other("trap '' XFSZ; ulimit -f 1;", "write", dir.path()));
    untouched(dir.path(), &files);
}

#[test]
fn a_disk_that_fills_up_leaves_no_new_file() {
    let dir = folder();
    succeeds(other("trap '' XFSZ; ulimit -f 1;", "write", dir.path()));
    assert!(entries(dir.path()).is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_that_is_full_says_so_and_stays_a_device() {
    for writer in WRITERS {
        let path = Path::new("/dev/full");
        let message = (writer.write)(path, LARGE).unwrap_err().to_string();
        clear(&message, path);
        assert!(message.contains("No space left on device") && message.contains("the free space"), "{message}");
        assert!(!fs::metadata(path).unwrap().is_file());
    }
}

#[test]
fn paths_that_are_no_files_are_refused() {
    let dir = folder();
    fs::create_dir(dir.path().join("folder")).unwrap();
    fs::write(dir.path().join("file"), "text").unwrap();
    let long = "n".repeat(300);
    for writer in WRITERS {
        for name in ["folder", "folder/", "folder/..", "none/file", "file/file", &long] {
            let path = dir.path().join(name);
            let message = (writer.write)(&path, SMALL).unwrap_err().to_string();
            clear(&message, &path);
            assert!(message.contains("cannot ") && message.contains("check the path"), "{message}");
        }
        assert!((writer.write)(Path::new(""), SMALL).is_err());
    }
    assert_eq!(entries(dir.path()), ["file", "folder"].map(|name| dir.path().join(name)));
    assert_eq!(fs::read_to_string(dir.path().join("file")).unwrap(), "text");
}

#[test]
fn a_read_only_file_is_left_alone() {
    let dir = folder();
    let files = older(dir.path());
    for (writer, (path, _)) in WRITERS.iter().zip(&files) {
        fs::set_permissions(path, Permissions::from_mode(0o444)).unwrap();
        let message = (writer.write)(path, LARGE).unwrap_err().to_string();
        clear(&message, path);
        assert!(message.contains("the file there is read-only"), "{message}");
    }
    untouched(dir.path(), &files);
}

#[test]
fn a_read_only_folder_is_left_alone() {
    let dir = folder();
    let mut files = older(dir.path());
    let secret = dir.path().join("secret");
    fs::write(&secret, "text").unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o555)).unwrap();
    let mut command = other("", "refused", dir.path());
    if fs::metadata(dir.path()).unwrap().uid() == 0 {
        // Nothing is forbidden to root: the other process is nobody.
        const NOBODY: u32 = 65534;
        command.uid(NOBODY).gid(NOBODY);
        let mut check = Command::new(std::env::current_exe().unwrap());
        let runs = check.arg("--list").uid(NOBODY).gid(NOBODY).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !runs.is_ok_and(|status| status.success()) {
            println!("skipped: root may write everywhere, and nobody may not run this test");
            return;
        }
    }
    succeeds(command);
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o644)).unwrap();
    files.push((secret, b"text".to_vec()));
    untouched(dir.path(), &files);
}

#[test]
fn a_process_that_is_killed_while_it_saves_leaves_a_whole_file() {
    use std::io::{BufRead, BufReader};
    let dir = folder();
    let path = dir.path().join("file");
    for round in 0..8 {
        let mut child = other("", "forever", dir.path()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.map_while(Result::ok).any(|line| line.contains("ready"));
        assert!(ready, "the other process should have saved once");
        // At another moment of a save in every round.
        std::thread::sleep(std::time::Duration::from_micros(300 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut loaded = parameters(LARGE);
        loaded.values_mut().fill(0.0);
        store::load(&path, &mut loaded, &ID).unwrap();
        assert_eq!(loaded, parameters(LARGE));
    }
}
