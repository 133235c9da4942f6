//! Every file cut at every byte, with every bit flipped, and with more at its end, through the public functions.

use super::*;
use snn_runtime::data::{LabelledImages, Npz, Part, read_images, read_labels, read_npy};
use snn_runtime::ndarray::IxDyn;
use std::fs;

/// Reads a whole file to something that can be compared.
type Read = fn(&Path) -> Result<String, Box<dyn Error>>;

fn read_parameters(path: &Path) -> Result<String, Box<dyn Error>> {
    let mut set = parameters(3);
    set.values_mut().fill(7.0);
    store::load(path, &mut set, &ID).inspect_err(|_| assert!(set.values().iter().all(|&x| x == 7.0)))?;
    assert!(set.values().iter().all(|x| x.is_finite()));
    Ok(format!("{:?}", set.values()))
}

fn read_arrays(path: &Path) -> Result<String, Box<dyn Error>> {
    let mut npz = Npz::open(path)?;
    let (x, labels) = (npz.array::<u8, IxDyn>("x")?, npz.array::<i64, IxDyn>("labels")?);
    Ok(format!("{x:?} {labels:?}"))
}

fn npy() -> Vec<u8> {
    let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    let data: Vec<u8> = (0..6).flat_map(|i| (i as f32).to_le_bytes()).collect();
    [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes(), &data].concat()
}

fn idx(sizes: &[u32], data: &[u8]) -> Vec<u8> {
    let sizes_bytes: Vec<u8> = sizes.iter().flat_map(|s| s.to_be_bytes()).collect();
    [&[0, 0, 8, sizes.len() as u8], &sizes_bytes[..], data].concat()
}

/// The kinds of files, each with a reader and whether its numbers have a checksum.
fn kinds() -> Vec<(&'static str, Vec<u8>, Read, bool)> {
    let dir = folder();
    let written = |index: usize| {
        let path = dir.path().join("file");
        (WRITERS[index].write)(&path, 3).unwrap();
        fs::read(path).unwrap()
    };
    let images: Read = |path| Ok(format!("{:?}", read_images(path)?));
    let labels: Read = |path| Ok(format!("{:?}", read_labels(path)?));
    vec![
        ("images", idx(&[2, 1, 3], &noise(6)), images, false),
        ("labels", idx(&[4], &noise(4)), labels, false),
        ("packed images", written(0), images, true),
        ("packed labels", written(1), labels, true),
        ("parameters", written(2), read_parameters, false),
        ("archive", written(3), read_arrays, true),
        ("array", npy(), |path| Ok(format!("{:?}", read_npy::<f32, IxDyn>(path)?)), false),
    ]
}

#[test]
fn every_truncation_is_an_error_that_names_the_file() {
    let dir = folder();
    let path = dir.path().join("file");
    for (kind, whole, read, _) in kinds() {
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let error = read(&path).expect_err(&format!("{kind}, {length} of {} bytes", whole.len()));
            clear(&error.to_string(), &path);
        }
    }
}

#[test]
fn every_flipped_bit_is_an_error_that_names_the_file_or_a_valid_file() {
    let dir = folder();
    let path = dir.path().join("file");
    for (kind, whole, read, checksum) in kinds() {
        fs::write(&path, &whole).unwrap();
        let intact = read(&path).unwrap();
        for i in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[i / 8] ^= 1 << (i % 8);
            fs::write(&path, damaged).unwrap();
            match read(&path) {
                Err(error) => clear(&error.to_string(), &path),
                Ok(content) => assert!(!checksum || content == intact, "{kind}, bit {i}: {content}"),
            }
        }
    }
}

#[test]
fn bytes_at_the_end_are_an_error_where_the_format_has_an_end() {
    let dir = folder();
    let path = dir.path().join("file");
    for (kind, whole, read, _) in kinds() {
        for more in [&[0][..], b"PK", &[0; 100]] {
            fs::write(&path, [&whole[..], more].concat()).unwrap();
            match read(&path) {
                Err(error) => clear(&error.to_string(), &path),
                // Packers find the end of an archive from behind, and a comment may follow it.
                Ok(_) => assert_eq!(kind, "archive"),
            }
        }
    }
}

#[test]
fn one_kind_of_file_is_not_taken_for_another() {
    let dir = folder();
    let path = dir.path().join("file");
    let kinds = kinds();
    for (own, _, read, _) in &kinds {
        // Plain and packed files of one kind are read by one function.
        let kind = |name: &str| name.trim_start_matches("packed ").to_string();
        for (other, content, ..) in kinds.iter().filter(|(other, ..)| kind(other) != kind(own)) {
            fs::write(&path, content).unwrap();
            if let Ok(content) = read(&path) {
                panic!("{other} read as {own}: {content}");
            }
        }
        for content in [&b""[..], b"\0", &[0xff; 64], b"<html>not found</html>"] {
            fs::write(&path, content).unwrap();
            clear(&read(&path).unwrap_err().to_string(), &path);
        }
    }
}

#[test]
fn folders_and_files_that_are_not_there_are_named() {
    let dir = folder();
    for (_, _, read, _) in kinds() {
        for path in [dir.path().to_path_buf(), dir.path().join("none"), dir.path().join("none/file")] {
            let message = read(&path).unwrap_err().to_string();
            clear(&message, &path);
            assert!(message.contains("cannot ") && message.contains("check the path"), "{message}");
        }
    }
    let message = LabelledImages::load(dir.path().join("none"), Part::Train).unwrap_err().to_string();
    clear(&message, &dir.path().join("none"));
}

#[test]
fn sets_whose_counts_differ_are_refused() {
    let dir = folder();
    fs::write(dir.path().join("t10k-images-idx3-ubyte"), idx(&[2, 1, 3], &noise(6))).unwrap();
    fs::write(dir.path().join("t10k-labels-idx1-ubyte"), idx(&[3], &noise(3))).unwrap();
    let message = LabelledImages::load(dir.path(), Part::Test).unwrap_err().to_string();
    assert!(message.contains("expected as many labels as images, found 3 labels and 2 images"), "{message}");
}
