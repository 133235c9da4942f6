use super::*;
use crate::{Layout, ParameterSet, Parameters, Real};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::HashMap;
use std::path::Path;

const ID: ModelId<'static> = ModelId { name: "Digits", hash: "00ff" };

fn parameters<R: Real>(tau: f64) -> ParameterSet<R> {
    let mut layout = Layout::default();
    layout.push("a_to_b.weight", &[2, 3], "nA", false);
    layout.push("b.tau", &[], "ms", true);
    let mut set = ParameterSet::zeros(layout.into());
    for (x, y) in set.values_mut().iter_mut().zip([0.1, -0.0, 1e-40, 3.5, -2.0, 1e30, tau]) {
        *x = R::from_f64(y);
    }
    set
}

/// A file made by the safetensors crate alone. Tensors: name, type, shape, bytes.
fn foreign(path: &Path, tensors: &[(&str, Dtype, &[usize], Vec<u8>)], metadata: &[(&str, &str)]) {
    let views = tensors.iter().map(|(n, t, s, b)| (*n, TensorView::new(*t, s.to_vec(), b).unwrap()));
    let metadata: HashMap<String, String> = metadata.iter().map(|&(k, v)| (k.into(), v.into())).collect();
    std::fs::write(path, safetensors::serialize(views, Some(metadata)).unwrap()).unwrap();
}

const METADATA: [(&str, &str); 3] = [(VERSION_KEY, "1"), (NAME_KEY, "Digits"), (HASH_KEY, "00ff")];

fn f32s(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn f64s(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The error of loading such a file into `f32` parameters, which have to stay as they were.
fn error(tensors: &[(&str, Dtype, &[usize], Vec<u8>)], metadata: &[(&str, &str)]) -> (StoreError, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.safetensors");
    foreign(&path, tensors, metadata);
    let mut set = parameters::<f32>(20.0);
    let error = load(&path, &mut set, &ID).unwrap_err();
    assert_eq!(set, parameters(20.0));
    let message = error.to_string();
    assert!(message.starts_with(&path.display().to_string()) && message.contains("; "), "{message}");
    (error, message)
}

fn weight() -> (&'static str, Dtype, &'static [usize], Vec<u8>) {
    ("a_to_b.weight", Dtype::F32, &[2, 3], f32s(&[1.0; 6]))
}

fn tau() -> (&'static str, Dtype, &'static [usize], Vec<u8>) {
    ("b.tau", Dtype::F64, &[], f64s(&[30.0]))
}

#[test]
fn what_was_saved_is_loaded_bit_for_bit() {
    fn round_trip<R: Real>() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file.safetensors");
        let saved = parameters::<R>(20.0);
        save(&path, &saved, &ID).unwrap();
        let mut loaded = ParameterSet::<R>::zeros(saved.layout().clone());
        load(&path, &mut loaded, &ModelId { name: "Renamed", ..ID }).unwrap();
        let bits = |set: &ParameterSet<R>| set.values().iter().map(|x| x.to_f64().to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&loaded), bits(&saved));
        let bytes = std::fs::read(&path).unwrap();
        save(&path, &loaded, &ID).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "equal numbers give equal bytes");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no other file is left");
    }
    round_trip::<f32>();
    round_trip::<f64>();
}

#[test]
fn others_can_read_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.safetensors");
    let id = ModelId { name: "a \"b\" \\ \n ä", hash: "1" };
    save(&path, &parameters::<f32>(20.0), &id).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let (header, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header % 8, 0, "data is aligned");
    let expected = [(VERSION_KEY, "1"), (NAME_KEY, id.name), (HASH_KEY, "1")];
    assert_eq!(*metadata.metadata(), Some(expected.map(|(k, v)| (k.into(), v.into())).into()));
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let view = file.tensor("b.tau").unwrap();
    assert_eq!((view.dtype(), view.shape(), view.data()), (Dtype::F32, &[][..], &f32s(&[20.0])[..]));
    assert_eq!((file.len(), file.tensor("a_to_b.weight").unwrap().shape()), (2, &[2, 3][..]));
}

#[test]
fn no_tensors_are_a_file_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.safetensors");
    let mut set = ParameterSet::<f64>::zeros(Layout::default().into());
    save(&path, &set, &ID).unwrap();
    load(&path, &mut set, &ID).unwrap();
}

#[test]
fn precisions_are_converted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.safetensors");
    save(&path, &parameters::<f64>(0.1), &ID).unwrap();
    let mut single = parameters::<f32>(1.0);
    load(&path, &mut single, &ID).unwrap();
    assert_eq!((single.values()[0], single.values()[6]), (0.1, 0.1));
    save(&path, &single, &ID).unwrap();
    let mut double = parameters::<f64>(1.0);
    load(&path, &mut double, &ID).unwrap();
    assert_eq!(double.values()[6], f64::from(0.1f32));
    foreign(&path, &[tau(), weight()], &METADATA);
    load(&path, &mut single, &ID).unwrap();
    assert_eq!(single.values(), [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 30.0]);
}

#[test]
fn the_model_has_to_be_the_same() {
    let good = [weight(), tau()];
    let (e, message) = error(&good, &[METADATA[0], (NAME_KEY, "Words"), (HASH_KEY, "1234")]);
    assert!(matches!(e, StoreError::Hash { .. }));
    assert!(message.contains("`Digits` with hash 00ff, found those of `Words` with hash 1234"), "{message}");
    let (e, _) = error(&good, &[(VERSION_KEY, "2"), METADATA[1], METADATA[2]]);
    assert!(matches!(e, StoreError::Version { expected: "1", found, .. } if found == "2"));
    for key in [VERSION_KEY, NAME_KEY, HASH_KEY] {
        let metadata: Vec<_> = METADATA.into_iter().filter(|(k, _)| *k != key).collect();
        assert!(matches!(error(&good, &metadata).0, StoreError::Metadata { key: k, .. } if k == key));
    }
}

#[test]
fn tensors_have_to_be_the_same() {
    let (e, message) = error(&[weight()], &METADATA);
    assert!(matches!(e, StoreError::Missing { tensor, .. } if tensor == "b.tau"));
    assert!(message.contains("expected a tensor `b.tau` of shape [], found none"), "{message}");
    let (_, message) = error(&[weight(), ("b.tua", tau().1, tau().2, tau().3)], &METADATA);
    assert!(message.contains("the file has `b.tua` that the model does not have"), "{message}");
    let (e, _) = error(&[weight(), tau(), ("c", Dtype::U8, &[1], vec![0])], &METADATA);
    assert!(matches!(e, StoreError::Extra { tensor, expected: 2, .. } if tensor == "c"));
    let (e, message) = error(&[("a_to_b.weight", Dtype::F32, &[3, 2], f32s(&[1.0; 6])), tau()], &METADATA);
    assert!(matches!(e, StoreError::Shape { .. }));
    assert!(message.contains("expected shape [2, 3] of tensor `a_to_b.weight`, found [3, 2]"), "{message}");
    let (e, message) = error(&[weight(), ("b.tau", Dtype::I32, &[], vec![0; 4])], &METADATA);
    assert!(matches!(e, StoreError::Type { found, .. } if found == "I32"), "{message}");
}

#[test]
fn numbers_have_to_be_finite() {
    for (numbers, found) in [(f64s(&[f64::NAN]), "NaN"), (f64s(&[f64::INFINITY]), "inf"), (f64s(&[1e300]), "1e300")] {
        let (e, message) = error(&[weight(), ("b.tau", Dtype::F64, &[], numbers)], &METADATA);
        assert!(matches!(e, StoreError::NotFinite { place: 0, kind: "f32", .. }));
        assert!(message.contains(&format!("of tensor `b.tau`, found {found};")), "{message}");
    }
    let mut numbers = [0.0f32; 6];
    numbers[4] = f32::NEG_INFINITY;
    let (e, _) = error(&[("a_to_b.weight", Dtype::F32, &[2, 3], f32s(&numbers)), tau()], &METADATA);
    assert!(matches!(e, StoreError::NotFinite { place: 4, .. }));
}

#[test]
fn damaged_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.safetensors");
    save(&path, &parameters::<f32>(20.0), &ID).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let mut set = parameters::<f32>(1.0);
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(matches!(load(&path, &mut set, &ID), Err(StoreError::Damaged { .. })), "{length}");
    }
    std::fs::write(&path, [&whole[..], &[0]].concat()).unwrap();
    assert!(matches!(load(&path, &mut set, &ID), Err(StoreError::Damaged { .. })));
    std::fs::File::create(&path).unwrap().set_len(200_000_000).unwrap();
    assert!(matches!(load(&path, &mut set, &ID), Err(StoreError::TooLong { limit: 100_000_064, .. })));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(load(&path, &mut set, &ID), Err(StoreError::Io { action: "open the file", .. })));
    assert_eq!(set, parameters(1.0));
}

#[test]
fn a_failed_save_leaves_the_old_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.safetensors");
    save(&path, &parameters::<f32>(20.0), &ID).unwrap();
    let old = std::fs::read(&path).unwrap();
    let error = save(&path, &parameters::<f32>(f64::NAN), &ID).unwrap_err();
    assert!(matches!(error, StoreError::NotFinite { tensor, place: 0, .. } if tensor == "b.tau"));
    for name in ["x", "__metadata__"] {
        let mut layout = Layout::default();
        layout.push("x", &[1], "", false);
        layout.push(name, &[1], "", false);
        let error = save(&path, &ParameterSet::<f32>::zeros(layout.into()), &ID).unwrap_err();
        assert!(matches!(error, StoreError::Name { tensor, .. } if tensor == name));
    }
    assert_eq!(std::fs::read(&path).unwrap(), old);
    // A folder cannot be replaced by a file; the temporary file goes away.
    std::fs::create_dir(dir.path().join("folder")).unwrap();
    for bad in ["folder", "nowhere/file", "folder/.."] {
        let error = save(dir.path().join(bad), &parameters::<f32>(20.0), &ID).unwrap_err();
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
}
