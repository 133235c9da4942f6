//! Every way in which a file can be wrong.

use super::super::save::{Contents, Encoded};
use super::*;
use safetensors::tensor::Dtype;

/// A training of five updates, and what its checkpoint says.
fn saved(folder: &TempDir) -> (Checkpoint<'static>, Contents) {
    let (mut set, mut adam) = (parameters::<f32>(), Adam::new());
    train(&mut set, &mut adam, 0..5);
    let checkpoint = checkpoint(folder);
    checkpoint.save(&set, &adam, &progress()).unwrap();
    let contents = checkpoint.contents(&set, &adam, &progress()).unwrap();
    (checkpoint, contents)
}

/// The error of loading, which has to name the file, what was expected and found, and a remedy, and to change nothing.
fn refused(checkpoint: &Checkpoint<'_>) -> (CheckpointError, String) {
    let (mut set, mut adam) = (parameters::<f32>(), Adam::new());
    train(&mut set, &mut adam, 0..2);
    let before = (set.clone(), adam.clone());
    let file = std::fs::read(checkpoint.path()).ok();
    let error = checkpoint.load(&mut set, &mut adam).unwrap_err();
    assert_eq!((set, adam), before, "{error}");
    assert_eq!(std::fs::read(checkpoint.path()).ok(), file, "{error}");
    let message = error.to_string();
    assert!(message.starts_with(&checkpoint.path().display().to_string()), "{message}");
    assert!(message.contains("; "), "{message}");
    assert!(message.contains("expected ") && message.contains("found ") || message.contains("cannot "), "{message}");
    (error, message)
}

/// The error of loading a file that was changed before its checksum was taken.
fn changed(change: impl FnOnce(&mut Contents)) -> (CheckpointError, String) {
    let dir = tempfile::tempdir().unwrap();
    let (checkpoint, mut contents) = saved(&dir);
    change(&mut contents);
    contents.write(checkpoint.path()).unwrap();
    refused(&checkpoint)
}

fn set(key: &'static str, value: &'static str) -> impl FnOnce(&mut Contents) {
    move |contents| _ = contents.metadata.insert(key.into(), value.into())
}

fn put(name: &'static str, dtype: Dtype, shape: &'static [usize], data: Vec<u8>) -> impl FnOnce(&mut Contents) {
    move |contents| _ = contents.tensors.insert(name.into(), Encoded { dtype, shape: shape.into(), data })
}

#[test]
fn truncated_files() {
    let dir = tempfile::tempdir().unwrap();
    let (checkpoint, _) = saved(&dir);
    let whole = std::fs::read(checkpoint.path()).unwrap();
    for length in 0..whole.len() {
        std::fs::write(checkpoint.path(), &whole[..length]).unwrap();
        let (error, _) = refused(&checkpoint);
        assert!(matches!(error, CheckpointError::Store(StoreError::Damaged { .. })), "{length}: {error}");
    }
    std::fs::remove_file(checkpoint.path()).unwrap();
    assert!(refused(&checkpoint).1.contains("cannot open the file"));
}

#[test]
fn files_with_one_changed_byte() {
    let dir = tempfile::tempdir().unwrap();
    let (checkpoint, _) = saved(&dir);
    let whole = std::fs::read(checkpoint.path()).unwrap();
    let mut sums = 0;
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        std::fs::write(checkpoint.path(), &bytes).unwrap();
        let (mut set, mut adam) = (parameters::<f32>(), Adam::new());
        match checkpoint.load(&mut set, &mut adam) {
            Err(CheckpointError::Checksum { .. }) => sums += 1,
            Err(_) => {}
            // A space between header and data may become another one that JSON ignores: nothing has changed then.
            Ok(found) => assert_eq!(found, progress(), "{place}"),
        }
    }
    assert!(sums > 7 * 4 * 3, "every byte of the data counts: {sums}");
}

#[test]
fn files_that_are_not_checkpoints() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = checkpoint(&dir);
    crate::store::save(checkpoint.path(), &parameters::<f32>(), &ID).unwrap();
    let (error, message) = refused(&checkpoint);
    assert!(matches!(error, CheckpointError::NotACheckpoint { key: "checkpoint_version", .. }));
    assert!(message.contains("not one of weights alone"), "{message}");
    std::fs::write(checkpoint.path(), "epoch 3\n".repeat(20)).unwrap();
    assert!(matches!(refused(&checkpoint).0, CheckpointError::Store(StoreError::Damaged { .. })));
    // Without data on the disk; its length is enough to know.
    std::fs::File::create(checkpoint.path()).unwrap().set_len(2 << 30).unwrap();
    let error = checkpoint.load(&mut parameters::<f32>(), &mut Adam::new()).unwrap_err();
    assert!(matches!(error, CheckpointError::Store(StoreError::TooLong { .. })));
    assert!(error.to_string().contains("room for the parameters, the state of the optimiser and 1 GiB of series"));
    // And the other way round: a checkpoint is no file of weights.
    let (checkpoint, _) = saved(&dir);
    let error = crate::store::load(checkpoint.path(), &mut parameters::<f32>(), &ID).unwrap_err();
    assert!(matches!(error, StoreError::Metadata { key: "format_version", .. }));
}

#[test]
fn other_versions() {
    let (error, message) = changed(set(VERSION_KEY, "2"));
    assert!(matches!(error, CheckpointError::Store(StoreError::Version { .. })));
    assert!(message.contains("expected format version 1, found \"2\"; load it with the version"), "{message}");
}

#[test]
fn other_models() {
    let (error, message) = changed(set("model_hash", "1234"));
    assert!(matches!(error, CheckpointError::Store(StoreError::Hash { .. })));
    assert!(message.contains("`Digits` with hash 00ff, found those of `Digits` with hash 1234"), "{message}");
}

#[test]
fn other_optimisers() {
    for (rule, found) in [
        (Optimiser::<f32>::rule(&Sgd::new()), "Sgd { momentum: 0.0, nesterov: false, decay: 0.0 }"),
        (AdamW::<f32>::new().rule(), "AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.01 }"),
        (Adam::<f32>::new().epsilon(1e-7).unwrap().rule(), "epsilon: 1e-7, decay: 0.0 }"),
    ] {
        let (error, message) = changed(|contents| _ = contents.metadata.insert(RULE_KEY.into(), rule));
        assert!(matches!(error, CheckpointError::Optimiser { .. }));
        assert!(message.contains("expected the state of Adam { beta1: 0.9, "), "{message}");
        assert!(message.contains(&format!("{found}; resume with")), "{message}");
    }
}

#[test]
fn other_settings() {
    for (key, name, now, file) in [
        ("setting.seed", "seed", "18446744073709551615", "18446744073709551614"),
        ("setting.schedule", "schedule", "Constant", "Step { every: 1, factor: 0.5 }"),
        ("setting.batch", "batch", "64", "32"),
        ("setting.rate", "rate", "0.1", "0.10000000000000002"),
        ("setting.shift", "shift", "none", "1"),
    ] {
        let (error, message) = changed(set(key, file));
        assert!(matches!(error, CheckpointError::Setting { .. }));
        let expected =
            format!("expected {now} as setting `{name}`, the value of this training, found {file} in the file; ");
        assert!(message.contains(&expected), "{message}");
    }
    let (_, message) = changed(|contents| _ = contents.metadata.remove("setting.batch"));
    assert!(message.contains("expected 64 as setting `batch`, the value of this training, found none"), "{message}");
}

#[test]
fn other_tensors() {
    let zeros = |n: usize| vec![0; n];
    let (_, message) = changed(put("parameter.a_to_b.weight", Dtype::F32, &[3, 2], zeros(24)));
    assert!(message.contains("shape [2, 3] of tensor `parameter.a_to_b.weight`, found [3, 2]"), "{message}");
    let (error, message) = changed(put("parameter.b.tau", Dtype::F64, &[], zeros(8)));
    assert!(matches!(error, CheckpointError::Precision { .. }));
    assert!(message.contains("type F32 of tensor `parameter.b.tau`, the precision of this training, found F64"));
    let (_, message) = changed(put("optimiser.square", Dtype::F32, &[6], zeros(24)));
    assert!(message.contains("expected shape [7] of tensor `optimiser.square`, found [6]"), "{message}");
    let (_, message) = changed(|contents| _ = contents.tensors.remove("optimiser.square"));
    assert!(message.contains("expected a tensor `optimiser.square` of shape [7], found none"), "{message}");
    let (_, message) = changed(put("series.loss", Dtype::F32, &[1], zeros(4)));
    assert!(message.contains("expected type F64 of tensor `series.loss`"), "{message}");
    let (_, message) = changed(put("series.loss", Dtype::F64, &[1, 1], zeros(8)));
    assert!(message.contains("expected shape [1] of tensor `series.loss`, found [1, 1]"), "{message}");
    for name in ["parameter.c", "optimiser.velocity", "c"] {
        let (error, message) = changed(put(name, Dtype::F32, &[1], zeros(4)));
        assert!(matches!(error, CheckpointError::Store(StoreError::Extra { .. })), "{message}");
    }
}

#[test]
fn counts_that_are_none() {
    for key in [EPOCH_KEY, BATCH_KEY, UPDATES_KEY, STEPS_KEY] {
        for value in ["1.0", "-1", "", "18446744073709551616"] {
            let (error, _) = changed(set(key, value));
            assert!(matches!(error, CheckpointError::Number { key: k, .. } if k == key));
        }
        let (error, _) = changed(|contents| _ = contents.metadata.remove(key));
        assert!(matches!(error, CheckpointError::NotACheckpoint { key: k, .. } if k == key));
    }
}

#[test]
fn numbers_that_are_not_finite() {
    for (name, dtype) in
        [("parameter.b.tau", Dtype::F32), ("optimiser.square", Dtype::F32), ("series.loss", Dtype::F64)]
    {
        let (error, message) = changed(|contents| {
            let tensor = contents.tensors.get_mut(name).unwrap();
            assert_eq!(tensor.dtype, dtype);
            // Ones in exponent and mantissa.
            tensor.data[..dtype.bitsize() / 8].fill(0xff);
        });
        assert!(matches!(error, CheckpointError::Store(StoreError::NotFinite { place: 0, .. })));
        assert!(message.contains(&format!("at place 0 of tensor `{name}`, found NaN;")), "{message}");
    }
}

#[test]
fn states_that_cannot_be_saved_leave_the_old_file() {
    let dir = tempfile::tempdir().unwrap();
    let (checkpoint, _) = saved(&dir);
    let old = std::fs::read(checkpoint.path()).unwrap();
    let (good, adam) = (parameters::<f32>(), Adam::new());
    let refuse = |set: &ParameterSet<f32>, optimiser: &dyn Optimiser<f32>, progress: &Progress, expected: &str| {
        let message = checkpoint.save(set, optimiser, progress).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert_eq!(std::fs::read(checkpoint.path()).unwrap(), old);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    };
    let mut bad = good.clone();
    bad.values_mut()[4] = f32::NAN;
    refuse(&bad, &adam, &progress(), "fits f32 at place 4 of tensor `a_to_b.weight`, found NaN; go back");
    let mut sgd = Sgd::new();
    sgd.set_state(crate::optimise::SgdState { steps: 1, velocity: vec![f32::INFINITY; 7] });
    refuse(&good, &sgd, &progress(), "at place 0 of tensor `optimiser.velocity`, found inf");
    sgd.set_state(crate::optimise::SgdState { steps: 1, velocity: vec![0.0; 8] });
    refuse(&good, &sgd, &progress(), "expected 7 numbers or none as part `velocity` of the optimiser's state, found 8");
    let mut nan = progress();
    nan.series.insert("loss".into(), vec![1.0, f64::NAN]);
    refuse(&good, &adam, &nan, "fits f64 at place 1 of tensor `series.loss`, found NaN");
    let mut layout = Layout::default();
    layout.push("x", &[1], "", false);
    layout.push("x", &[1], "", false);
    let twice = ParameterSet::zeros(layout.into());
    refuse(&twice, &adam, &progress(), "expected tensors with different names");
    // A folder in the way, or none.
    for path in [dir.path().to_path_buf(), dir.path().join("nowhere/x")] {
        let error = Checkpoint::new(&path, ID, settings()).save(&good, &adam, &progress()).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{}: cannot save the checkpoint: ", path.display())), "{error}");
    }
    assert_eq!(std::fs::read(checkpoint.path()).unwrap(), old);
}
