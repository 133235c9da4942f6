//! The training example as a real process: killed at random moments, resumed, and told to go wrong.

mod process;

use process::{Folder, fails, mnist};
use snn_runtime::random::{Purpose, Stream, uniform};
use std::collections::BTreeSet;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Instant;

/// Deaths that have to hit a process at work.
const KILLS: u32 = 20;

#[test]
fn twenty_kills_at_random_moments_do_not_change_the_weights() {
    let (whole, killed) = (Folder::new("whole"), Folder::new("killed"));
    let start = Instant::now();
    let output = mnist(&whole).args(["--checkpoint-every", "2"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    // The length of a life is spread over a third of a run; with a slow start it may be too short to save anything.
    let mut longest = start.elapsed().div_f64(3.0);
    let expected = std::fs::read(whole.weights()).unwrap();

    let random = Stream::new(7, Purpose::Noise, 0);
    // Where the processes went on, as (epochs, batches, updates) in the words of the example.
    let (mut kills, mut lives, mut places, mut halves) = (0, 0, BTreeSet::new(), BTreeSet::new());
    while kills < KILLS || places.len() < 5 {
        lives += 1;
        assert!(lives < 200, "{kills} kills in {lives} lives, resumed from {places:?}");
        let arguments = ["--checkpoint-every", "1", "--resume"];
        let mut child = mnist(&killed).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let [low, high, ..] = random.block(lives, 0);
        sleep(longest.mul_f64(uniform(low, high)));
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let place = text.lines().find_map(|line| line.strip_prefix("resuming from ")?.split_once(": "));
        let new = place.is_some_and(|(_, place)| places.insert(place.to_string()));
        if died(output.status) {
            kills += 1;
            halves.extend(killed.names().into_iter().filter(|name| name.ends_with(".tmp")));
            if !new && lives % 4 == 0 {
                longest = longest.mul_f64(1.25);
            }
            continue;
        }
        // It was faster than the kill: one more run to compare, and to begin again.
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(std::fs::read(killed.weights()).unwrap() == expected, "other weights after {kills} kills");
        killed.clear();
    }
    let output = mnist(&killed).args(["--checkpoint-every", "1", "--resume"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(std::fs::read(killed.weights()).unwrap() == expected, "other weights after {kills} kills");
    println!("{kills} kills in {lives} lives, {} while saving; resumed from {places:?}", halves.len());
    assert!(std::fs::read(killed.checkpoint()).unwrap() == std::fs::read(whole.checkpoint()).unwrap());
    let left = |name: &str| name.starts_with(".mnist.checkpoint");
    assert!(!killed.names().iter().any(|name| left(name)), "half checkpoints are cleared up: {:?}", killed.names());
}

/// Whether the kill hit a process that was at work.
#[cfg(unix)]
fn died(status: std::process::ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    status.signal() == Some(9)
}

#[cfg(not(unix))]
fn died(status: std::process::ExitStatus) -> bool {
    !status.success()
}

#[test]
fn a_diverging_training_says_where_and_leaves_the_files() {
    let folder = Folder::new("diverging");
    let output = mnist(&folder).args(["--epochs", "1"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let files = || [folder.weights(), folder.checkpoint()].map(|path| std::fs::read(path).unwrap());
    let before = files();
    // Weights that are finite, but not the states; weights that are not, found by the next update or by saving.
    for (rate, every, expected) in [
        ("1e37", "0", "epoch 1, update 2: the simulation diverged: state `"),
        (
            "1e39",
            "0",
            "epoch 1, update 2: parameter `pixel_to_hidden_exc.weight`: expected finite numbers, found NaN at element 0",
        ),
        ("1e39", "1", "epoch 1, update 1: "),
    ] {
        let message = fails(mnist(&folder).args(["--lr", rate, "--checkpoint-every", every]));
        assert!(message.starts_with(&format!("error: {expected}")), "{message}");
        if rate == "1e37" {
            assert!(message.contains("` of population `hidden` is "), "{message}");
            assert!(message.contains(" in neuron ") && message.contains(" after step "), "{message}");
        }
        if every == "1" {
            assert!(message.contains("tensor `pixel_to_hidden_exc.weight`, found NaN; go back"), "{message}");
        }
        assert!(files() == before, "{message}");
    }
}

#[test]
fn other_settings_are_refused_on_resume() {
    let folder = Folder::new("settings");
    let output = mnist(&folder).args(["--epochs", "1"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let before = std::fs::read(folder.checkpoint()).unwrap();
    for (option, value, expected) in [
        ("--seed", "2", "expected 2 as setting `seed`, the value of this training, found 1 in the file; resume with"),
        ("--batch", "16", "expected 16 as setting `batch`, the value of this training, found 32 in the file"),
        ("--epochs", "2", "expected 2 as setting `epochs`, the value of this training, found 1 in the file"),
        ("--lr", "0.01", "expected 0.01 as setting `learning rate`, the value of this training, found 0.005"),
        ("--limit", "64", "expected 64 as setting `digits`, the value of this training, found 640"),
    ] {
        let message = fails(mnist(&folder).args(["--epochs", "1", "--resume", option, value]));
        assert!(message.contains(expected), "{message}");
        assert!(message.starts_with(&format!("error: {}: ", folder.checkpoint().display())), "{message}");
        assert!(std::fs::read(folder.checkpoint()).unwrap() == before);
    }
    // A finished training has nothing left to do, and says the same again.
    std::fs::remove_file(folder.weights()).unwrap();
    let again = mnist(&folder).args(["--epochs", "1", "--resume"]).output().unwrap();
    let last = |text: &[u8]| String::from_utf8_lossy(text).lines().last().map(String::from);
    assert_eq!(last(&again.stdout), last(&output.stdout));
    assert!(folder.weights().exists() && std::fs::read(folder.checkpoint()).unwrap() == before);
}

#[test]
fn damaged_checkpoints_are_refused_and_kept() {
    let folder = Folder::new("damaged");
    std::fs::write(folder.checkpoint(), "epoch 3").unwrap();
    let message = fails(mnist(&folder).arg("--resume"));
    assert!(message.contains("expected a complete safetensors file, found a damaged one"), "{message}");
    assert_eq!(std::fs::read(folder.checkpoint()).unwrap(), b"epoch 3");
}

#[test]
fn paths_that_cannot_be_written_are_refused_before_the_first_update() {
    let folder = Folder::new("paths");
    for bad in ["nowhere/x", "."] {
        let path = folder.path().join(bad);
        let message = fails(mnist(&folder).arg("--checkpoint").arg(&path));
        let start = format!("error: {}: cannot save checkpoints there: ", path.display());
        assert!(message.starts_with(&start) && message.contains("; check the path, "), "{message}");
    }
    let elsewhere = folder.path().join("elsewhere");
    let output =
        mnist(&folder).args(["--epochs", "1", "--limit", "32", "--checkpoint"]).arg(&elsewhere).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(elsewhere.exists() && !folder.checkpoint().exists());
}
