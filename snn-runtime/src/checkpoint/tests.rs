//! What is saved comes back; what is wrong is refused, and changes nothing.

use super::*;
use crate::optimise::{Adam, AdamW, Optimiser, Schedule, Sgd};
use crate::{Layout, ParameterSet, Parameters, Real};
use std::sync::Arc;
use tempfile::TempDir;

mod refused;

const ID: ModelId<'static> = ModelId { name: "Digits", hash: "00ff" };

fn layout() -> Arc<Layout> {
    let mut layout = Layout::default();
    layout.push("a_to_b.weight", &[2, 3], "nA", false);
    layout.push("b.tau", &[], "ms", true);
    layout.into()
}

fn parameters<R: Real>() -> ParameterSet<R> {
    let mut set = ParameterSet::zeros(layout());
    for (x, y) in set.values_mut().iter_mut().zip([0.1, -0.0, 1e-40, 3.5, -2.0, 1e15, 20.0]) {
        *x = R::from_f64(y);
    }
    set
}

fn settings() -> Settings {
    Settings::new(u64::MAX, &Schedule::Constant).with("batch", 64).with("rate", 0.1)
}

fn checkpoint(folder: &TempDir) -> Checkpoint<'static> {
    Checkpoint::new(folder.path().join("run.checkpoint"), ID, settings())
}

fn progress() -> Progress {
    let loss = vec![0.1, -0.0, f64::MIN_POSITIVE / 3.0, f64::MAX];
    let series = [("loss".to_string(), loss), ("accuracy".to_string(), Vec::new())].into();
    Progress { epoch: 3, batch: 7, updates: u64::MAX - 1, series }
}

fn gradient<R: Real>(update: u64) -> [R; 7] {
    std::array::from_fn(|i| R::from_f64((update as f64 * 0.37 + i as f64 * 0.11).fract() - 0.4))
}

fn train<R: Real>(set: &mut ParameterSet<R>, optimiser: &mut dyn Optimiser<R>, updates: std::ops::Range<u64>) {
    updates.for_each(|i| optimiser.step(set, &gradient(i), 0.01).unwrap());
}

fn bits<R: Real>(numbers: &[R]) -> Vec<u64> {
    numbers.iter().map(|x| x.to_f64().to_bits()).collect()
}

#[test]
fn training_goes_on_bit_for_bit_with_every_optimiser() {
    fn check<R: Real, O: Optimiser<R> + Clone + PartialEq + std::fmt::Debug>(new: O) {
        let dir = tempfile::tempdir().unwrap();
        let checkpoint = checkpoint(&dir);
        let (mut whole, mut all) = (parameters::<R>(), new.clone());
        train(&mut whole, &mut all, 0..20);
        // Before the first step too, where the state is empty.
        for stop in [0, 1, 9, 20] {
            let (mut first, mut optimiser) = (parameters::<R>(), new.clone());
            train(&mut first, &mut optimiser, 0..stop);
            checkpoint.save(&first, &optimiser, &progress()).unwrap();
            let (mut second, mut resumed) = (ParameterSet::zeros(layout()), new.clone());
            assert_eq!(checkpoint.load(&mut second, &mut resumed).unwrap(), progress());
            assert_eq!(bits(second.values()), bits(first.values()));
            assert_eq!(resumed, optimiser);
            train(&mut second, &mut resumed, stop..20);
            assert_eq!((&second, &resumed), (&whole, &all), "{stop}");
        }
    }
    fn both<R: Real>() {
        check::<R, _>(Adam::new().weight_decay(0.1).unwrap());
        check::<R, _>(AdamW::new());
        check::<R, _>(Sgd::new());
        check::<R, _>(Sgd::new().nesterov(0.9).unwrap());
    }
    both::<f32>();
    both::<f64>();
}

#[test]
fn a_loaded_state_replaces_that_of_a_used_optimiser() {
    let dir = tempfile::tempdir().unwrap();
    let (mut set, mut adam) = (parameters::<f32>(), Adam::new());
    checkpoint(&dir).save(&set, &adam, &progress()).unwrap();
    train(&mut set, &mut adam, 0..5);
    checkpoint(&dir).load(&mut set, &mut adam).unwrap();
    assert_eq!((bits(set.values()), adam), (bits(parameters::<f32>().values()), Adam::new()));
}

#[test]
fn series_and_counts_are_exact() {
    let dir = tempfile::tempdir().unwrap();
    let (mut set, mut sgd) = (parameters::<f32>(), Sgd::new());
    sgd.set_state(crate::optimise::SgdState { steps: (1 << 53) + 1, velocity: vec![-0.0; 7] });
    checkpoint(&dir).save(&set, &sgd, &progress()).unwrap();
    let mut loaded = Sgd::new();
    let found = checkpoint(&dir).load(&mut set, &mut loaded).unwrap();
    assert_eq!(bits(&found.series["loss"]), bits(&progress().series["loss"]));
    assert_eq!((found.updates, loaded.state().steps), (u64::MAX - 1, (1 << 53) + 1));
    assert_eq!(bits(&loaded.state().velocity), bits(&[-0.0f32; 7]));
}

#[test]
fn equal_states_give_equal_bytes_and_no_other_file() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = checkpoint(&dir);
    let (mut set, mut adam) = (parameters::<f32>(), AdamW::new());
    train(&mut set, &mut adam, 0..3);
    assert!(!checkpoint.exists());
    checkpoint.save(&set, &adam, &progress()).unwrap();
    assert!(checkpoint.exists());
    let bytes = std::fs::read(checkpoint.path()).unwrap();
    let progress = checkpoint.load(&mut set, &mut adam).unwrap();
    checkpoint.save(&set, &adam, &progress).unwrap();
    assert_eq!(std::fs::read(checkpoint.path()).unwrap(), bytes);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    // What a person or another program finds in the header.
    let header = String::from_utf8_lossy(&bytes);
    for text in [
        r#""epoch":"3""#,
        r#""setting.batch":"64""#,
        r#""setting.rate":"0.1""#,
        r#""setting.seed":"18446744073709551615""#,
        r#""setting.schedule":"Constant""#,
        r#""optimiser":"AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.01 }""#,
        r#""parameter.b.tau""#,
    ] {
        assert!(header.contains(text), "{text}");
    }
}

#[test]
fn a_network_without_parameters_has_checkpoints() {
    let dir = tempfile::tempdir().unwrap();
    let (mut set, mut adam) = (ParameterSet::<f64>::zeros(Layout::default().into()), Adam::new());
    checkpoint(&dir).save(&set, &adam, &Progress::default()).unwrap();
    assert_eq!(checkpoint(&dir).load(&mut set, &mut adam).unwrap(), Progress::default());
}

#[test]
fn preparing_finds_bad_paths_and_clears_up_but_leaves_checkpoints() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = checkpoint(&dir);
    std::fs::write(checkpoint.path(), "old").unwrap();
    std::fs::write(dir.path().join(".run.checkpoint.77-0.tmp"), "half").unwrap();
    checkpoint.prepare().unwrap();
    assert_eq!(std::fs::read(checkpoint.path()).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    for bad in [dir.path().join("nowhere/x"), dir.path().into()] {
        let message = Checkpoint::new(&bad, ID, settings()).prepare().unwrap_err().to_string();
        let start = format!("{}: cannot save checkpoints there: ", bad.display());
        assert!(
            message.starts_with(&start) && message.ends_with("; check the path, the permissions and the free space")
        );
    }
}
