//! Arrays by hand, and what NumPy wrote.

mod damage;
mod round_trip;

use super::*;
use ndarray::{Array1, Array2, Array3, ArrayD, Ix0, Ix1, Ix2, Ix3, IxDyn, array};
use tempfile::TempDir;

fn file(content: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, content).unwrap();
    (dir, path)
}

/// An array of version 1 with this description.
fn npy(description: &str, data: &[u8]) -> Vec<u8> {
    npy_of_version(1, description, data)
}

fn npy_of_version(version: u8, description: &str, data: &[u8]) -> Vec<u8> {
    let length = description.len() as u32 + 1;
    let length = if version == 1 { (length as u16).to_le_bytes().to_vec() } else { length.to_le_bytes().to_vec() };
    [b"\x93NUMPY", &[version, 0][..], &length, description.as_bytes(), b"\n", data].concat()
}

fn described(descr: &str, fortran: &str, shape: &str) -> String {
    format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}")
}

fn read<T: Element>(content: &[u8]) -> Result<ArrayD<T>, NpzError> {
    Content::new(Place { path: "file".into(), array: None }, content, false, SIZE_LIMIT).array()
}

/// The error, whose message names the file and a remedy.
fn error<T: Element + std::fmt::Debug>(content: &[u8]) -> (NpzError, String) {
    let error = read::<T>(content).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("file") && message.contains("; "), "{message}");
    (error, message)
}

/// An archive in memory, which is called `file`.
fn open_bytes(content: &[u8]) -> Result<Npz, NpzError> {
    Npz::new(Path::new("file"), Box::new(std::io::Cursor::new(content.to_vec())))
}

#[test]
fn what_numpy_wrote_is_read() {
    // Written by `numpy.savez_compressed` of NumPy 2.4 on x86-64.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/numpy.npz");
    let mut npz = Npz::open(path).unwrap();
    let names = ["f4", "f4_big", "f4_fortran", "f8", "i4", "i8", "u1", "u4_big", "b", "none"];
    assert!(npz.names().eq(names));
    let floats = array![[0.0f32, 0.25, 0.5], [0.75, 1.0, 1.25]];
    for name in ["f4", "f4_big", "f4_fortran"] {
        let read = npz.array::<f32, Ix2>(name).unwrap();
        assert!(read == floats && read.is_standard_layout(), "{name}");
    }
    assert_eq!(npz.array::<f64, Ix0>("f8").unwrap().into_scalar(), -0.1);
    assert_eq!(npz.array::<i32, Ix2>("i4").unwrap(), array![[-1], [i32::MAX]]);
    assert_eq!(npz.array::<i64, Ix1>("i8").unwrap(), array![i64::MIN, i64::MAX]);
    let bits: Array3<u8> = Array3::from_shape_fn((1, 3, 4), |(_, i, j)| ((4 * i + j) % 2) as u8);
    assert_eq!(npz.array::<u8, Ix3>("u1").unwrap(), bits);
    assert_eq!(npz.array::<u32, Ix1>("u4_big").unwrap(), array![1, u32::MAX]);
    assert_eq!(npz.array::<bool, Ix1>("b").unwrap(), array![true, false, true]);
    assert_eq!(npz.array::<f32, Ix2>("none").unwrap(), Array2::<f32>::zeros((0, 3)));
    assert_eq!(npz.info("u1").unwrap(), ArrayInfo { kind: ElementKind::Uint8, shape: vec![1, 3, 4] });
}

#[test]
fn headers_of_all_versions_orders_and_spellings_are_read() {
    let data: Vec<u8> = [1i16, 2, 3, 4, 5, 6].iter().flat_map(|x| x.to_be_bytes()).collect();
    for version in 1..=3 {
        let rows = read::<i16>(&npy_of_version(version, &described(">i2", "False", "(2, 3)"), &data)).unwrap();
        assert_eq!(rows, array![[1, 2, 3], [4, 5, 6]].into_dyn());
        let columns = read::<i16>(&npy_of_version(version, &described(">i2", "True", "(2, 3)"), &data)).unwrap();
        assert_eq!(columns, array![[1, 3, 5], [2, 4, 6]].into_dyn());
    }
    for description in [
        "{\"shape\":(2L,3L),\"fortran_order\":False,\"descr\":\">i2\"}",
        " {'shape' : ( 2 , 3 , ) , 'descr':'>i2', 'fortran_order': False , } \t ",
    ] {
        assert_eq!(read::<i16>(&npy(description, &data)).unwrap(), array![[1, 2, 3], [4, 5, 6]].into_dyn());
    }
    assert_eq!(read::<i8>(&npy(&described("|i1", "False", "()"), &[255])).unwrap(), ndarray::arr0(-1).into_dyn());
    assert_eq!(read::<u64>(&npy(&described("=u8", "False", "(1,)"), &7u64.to_ne_bytes())).unwrap()[0], 7);
    assert!(read::<u8>(&npy(&described("|u1", "True", "(5, 0)"), &[])).unwrap().is_empty());
}

#[test]
fn other_types_are_refused_with_what_to_do() {
    for (descr, remedy) in [
        ("|O", "objects of Python cannot be read"),
        ("<U5", "text cannot be read"),
        ("|S3", "text cannot be read"),
        ("<c16", "the real and the imaginary part"),
        ("<f2", "convert the array"),
        ("<M8[ns]", "convert the array"),
        ("|V8", "convert the array"),
        ("|f4", "convert the array"),
        ("f4", "convert the array"),
        ("", "convert the array"),
        ("ä", "convert the array"),
    ] {
        let (e, message) = error::<f32>(&npy(&described(descr, "False", "(1,)"), &[0; 8]));
        assert!(matches!(e, NpzError::Unsupported { byte: 20, .. }), "{message}");
        assert!(message.contains(remedy) && message.contains(&format!("found `{descr}`")), "{message}");
    }
    let structured = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }";
    assert!(error::<f32>(&npy(structured, &[0; 4])).1.contains("found a structured type"));
    let (e, message) = error::<f32>(&npy(&described("<f8", "False", "(1,)"), &[0; 8]));
    assert!(matches!(e, NpzError::Type { expected: ElementKind::Float32, found: ElementKind::Float64, .. }));
    assert!(message.contains("expected elements of type float32, found float64; convert"), "{message}");
    let whole = npy(&described("|b1", "False", "(3,)"), &[0, 1, 2]);
    let (e, _) = error::<bool>(&whole);
    assert!(matches!(e, NpzError::Bool { found: 2, position, .. } if position == whole.len() as u64 - 1), "{e}");
}

#[test]
fn another_number_of_dimensions_is_refused() {
    let (_dir, path) = file(&npy(&described("|u1", "False", "(2, 1)"), &[0, 1]));
    let error = read_npy::<u8, Ix3>(path).unwrap_err();
    assert!(matches!(error, NpzError::Dimensions { expected: 3, ref found, .. } if *found == [2, 1]), "{error}");
}

#[test]
fn every_mistake_in_a_header_has_its_place() {
    for (description, byte, expected) in [
        ("", 11, "`{`"),
        ("[]", 10, "`{`"),
        ("{}", 12, "the keys `descr`, `fortran_order` and `shape`"),
        ("{'descr': '<f4'}", 26, "the keys"),
        ("{'descr' '<f4'}", 19, "`:`"),
        ("{'descr': <f4}", 20, "the type of the elements in quotes"),
        ("{'descr': '<f4", 20, "the type of the elements in quotes"),
        ("{'descr': '<f4', 'descr': '<f4'}", 27, "every key once"),
        ("{'other': '<f4'}", 11, "a key `descr`"),
        ("{3: '<f4'}", 11, "a key in quotes"),
        ("{'shape': 3}", 20, "a tuple of sizes"),
        ("{'shape': (3)}", 22, "`,` after the only size"),
        ("{'shape': (3 4)}", 23, "`,` after the only size"),
        ("{'shape': (3, 4 5)}", 26, "`,` or `)`"),
        ("{'shape': (-3,)}", 21, "a size of at least 0"),
        ("{'shape': (3.0,)}", 22, "`,`"),
        ("{'shape': (,)}", 21, "a size of at least 0"),
        ("{'shape': (99999999999999999999,)}", 21, "a size of at least 0 that fits"),
        ("{'fortran_order': 0}", 28, "`True` or `False`"),
        ("{'fortran_order': False 'shape'}", 34, "`,` or `}`"),
    ] {
        let (e, message) = error::<f32>(&npy(description, &[0; 4]));
        assert!(matches!(e, NpzError::Header { byte: b, .. } if b == byte), "{description}: {message}");
        assert!(message.contains(&format!("expected {expected}")), "{message}");
    }
    let more = described("<f4", "False", "(1,)") + " more";
    assert!(error::<f32>(&npy(&more, &[0; 4])).1.contains("nothing but spaces after `}`"));
    let deep = described("|u1", "False", &format!("({})", "1, ".repeat(65)));
    assert!(error::<u8>(&npy(&deep, &[0])).1.contains("at most 64 sizes"));
    let deep = described("|u1", "False", &format!("({})", "1, ".repeat(64)));
    assert_eq!(read::<u8>(&npy(&deep, &[9])).unwrap().ndim(), 64);
    let not_text =
        npy("{'descr': '<f4'}", &[0; 4]).iter().map(|&b| if b == b'<' { 0xff } else { b }).collect::<Vec<_>>();
    assert!(matches!(error::<f32>(&not_text).0, NpzError::Header { byte: 20, .. }));
}

#[test]
fn other_files_and_versions_are_told_apart() {
    let (e, message) = error::<f32>(b"{'json': true}");
    assert!(matches!(e, NpzError::Magic { .. }) && message.contains("numpy.save"), "{message}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npz");
    NpzWriter::new().save(&path).unwrap();
    assert_eq!(Npz::open(&path).unwrap().names().count(), 0);
    let message = read_npy::<f32, IxDyn>(&path).unwrap_err().to_string();
    assert!(message.contains("byte 0") && message.contains("open an NPZ archive with `Npz::open`"), "{message}");
    let mut whole = npy(&described("|u1", "False", "(1,)"), &[0]);
    for (major, minor) in [(0, 0), (4, 0), (1, 1), (255, 255)] {
        whole[6..8].copy_from_slice(&[major, minor]);
        assert!(
            matches!(error::<u8>(&whole).0, NpzError::Version { major: a, minor: b, .. } if (a, b) == (major, minor))
        );
    }
}

#[test]
fn arrays_and_files_that_are_not_there_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npz");
    let mut out = NpzWriter::new();
    for i in 0..10 {
        out.add(&format!("a{i}"), Array1::<u8>::zeros(1).view()).unwrap();
    }
    out.save(&path).unwrap();
    let mut npz = Npz::open(&path).unwrap();
    let message = npz.array::<u8, IxDyn>("b").unwrap_err().to_string();
    assert!(message.contains("a.npz: expected an array `b`, found `a0`, `a1`") && message.contains("and 2 others"));
    assert!(matches!(Npz::open(dir.path().join("b.npz")), Err(NpzError::Io { action: "open", .. })));
    assert!(matches!(Npz::open(dir.path()), Err(NpzError::Io { action: "read", .. })));
    assert!(matches!(read_npy::<u8, IxDyn>(dir.path()), Err(NpzError::Io { action: "read", .. })));
    assert!(matches!(read_npy::<u8, IxDyn>(dir.path().join("b")), Err(NpzError::Io { action: "open", .. })));
}
