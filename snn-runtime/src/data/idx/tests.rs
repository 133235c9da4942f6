use super::*;
use std::path::PathBuf;
use tempfile::TempDir;

fn images() -> Images {
    Images { count: 2, rows: 2, columns: 3, pixels: vec![0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255] }
}

fn file(content: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, content).unwrap();
    (dir, path)
}

fn plain(code: u8, sizes: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, code, sizes.len() as u8];
    sizes.iter().for_each(|s| bytes.extend(s.to_be_bytes()));
    bytes.extend(data);
    bytes
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    out.write_all(content).unwrap();
    out.finish().unwrap()
}

fn images_error(content: &[u8]) -> (IdxError, String) {
    let (_dir, path) = file(content);
    let error = read_images(&path).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with(&path.display().to_string()), "{message}");
    (error, message)
}

#[test]
fn written_files_are_compressed_and_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("name-without-ending");
    write_images(&path, &images()).unwrap();
    assert_eq!(std::fs::read(&path).unwrap()[..2], [0x1f, 0x8b]);
    assert_eq!(read_images(&path).unwrap(), images());
    write_labels(&path, &[7, 0, 9]).unwrap();
    assert_eq!(read_labels(&path).unwrap(), [7, 0, 9]);
    write_labels(&path, &[]).unwrap();
    assert!(read_labels(&path).unwrap().is_empty());
}

#[test]
fn plain_files_and_files_of_several_gzip_members_are_read() {
    let bytes = plain(8, &[2, 2, 3], &images().pixels);
    let (_dir, path) = file(&bytes);
    assert_eq!(read_images(&path).unwrap(), images());
    let (_dir, path) = file(&[gzip(&bytes[..9]), gzip(&bytes[9..])].concat());
    assert_eq!(read_images(&path).unwrap(), images());
}

#[test]
fn a_missing_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = read_labels(dir.path().join("nothing")).unwrap_err();
    assert!(matches!(error, IdxError::Io { action: "open", .. }), "{error}");
    assert!(error.to_string().contains("nothing: cannot open the file"), "{error}");
}

#[test]
fn other_files_are_told_from_idx() {
    let (error, message) = images_error(b"PNG picture");
    assert!(matches!(error, IdxError::Magic { found: [b'P', b'N'], .. }));
    assert!(message.contains("byte 0: expected two zero bytes") && message.contains("found 0x50 0x4e"), "{message}");
}

#[test]
fn other_element_types_are_not_supported() {
    for (code, name) in [(0x09, "signed bytes"), (0x0d, "32-bit floats"), (0x0e, "64-bit floats"), (0x11, "no type")] {
        let (error, message) = images_error(&plain(code, &[1, 1, 1], &[0; 8]));
        assert!(matches!(error, IdxError::ElementType { code: c, .. } if c == code));
        assert!(message.contains(name) && message.contains("not supported"), "{message}");
    }
}

#[test]
fn images_and_labels_are_not_confused() {
    let (error, message) = images_error(&plain(8, &[3], &[1, 2, 3]));
    assert!(matches!(error, IdxError::Dimensions { expected: 3, found: 1, .. }));
    assert!(message.contains("give the file with the images"), "{message}");
    let (_dir, path) = file(&plain(8, &[1, 1, 1], &[1]));
    let error = read_labels(&path).unwrap_err();
    assert!(matches!(error, IdxError::Dimensions { expected: 1, found: 3, .. }), "{error}");
}

#[test]
fn every_truncation_is_found() {
    let whole = plain(8, &[2, 2, 3], &images().pixels);
    for length in 0..whole.len() {
        let expected = if length < 16 { 16 } else { 28 };
        for content in [whole[..length].to_vec(), gzip(&whole[..length])] {
            let (error, message) = images_error(&content);
            let IdxError::Truncated { expected: e, found, .. } = error else { panic!("{length}: {message}") };
            assert_eq!((e, found), (expected, length as u64));
        }
    }
}

#[test]
fn bytes_after_the_data_are_an_error() {
    let mut bytes = plain(8, &[2, 2, 3], &images().pixels);
    bytes.push(0);
    for content in [bytes.clone(), gzip(&bytes)] {
        assert!(matches!(images_error(&content).0, IdxError::Trailing { expected: 28, .. }));
    }
}

#[test]
fn every_damage_to_gzip_is_an_error_or_harmless() {
    let whole = gzip(&plain(8, &[2, 2, 3], &images().pixels));
    for length in 2..whole.len() {
        let (error, message) = images_error(&whole[..length]);
        assert!(matches!(error, IdxError::Gzip { .. }), "{length}: {message}");
    }
    for i in 2..whole.len() {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[i] ^= 1 << bit;
            let (_dir, path) = file(&damaged);
            // Bits of the gzip header, such as the time, change nothing.
            if let Ok(read) = read_images(&path) {
                assert_eq!(read, images());
            }
        }
    }
}

#[test]
fn a_false_header_costs_no_memory() {
    for sizes in [[u32::MAX, u32::MAX, u32::MAX], [u32::MAX, 28, 28], [1 << 16, 1 << 16, 2]] {
        let (error, message) = images_error(&plain(8, &sizes, &[0; 100]));
        assert!(matches!(error, IdxError::TooLarge { .. }), "{message}");
    }
    let (error, _) = images_error(&plain(8, &[1 << 16, 1 << 15, 2], &[0; 100]));
    assert!(matches!(error, IdxError::Truncated { found: 116, expected: 4_294_967_312, .. }));
    let (error, _) = images_error(&plain(8, &[u32::MAX, 0, 28], &[]));
    assert!(matches!(error, IdxError::NoPixels { rows: 0, columns: 28, .. }));
}

#[test]
fn a_file_that_unpacks_to_more_than_it_announces_is_not_unpacked() {
    let zeros = gzip(&vec![0; 1 << 20]);
    let members: Vec<u8> =
        std::iter::once(gzip(&plain(8, &[1, 1, 1], &[7]))).chain(vec![zeros; 64]).flatten().collect();
    let (error, _) = images_error(&members);
    assert!(matches!(error, IdxError::Trailing { expected: 17, .. }), "{error}");
}

#[test]
fn contradicting_images_are_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("images");
    for change in [
        |i: &mut Images| i.count = 3,
        |i: &mut Images| i.columns = usize::MAX,
        |i: &mut Images| {
            (i.rows, i.pixels) = (0, Vec::new());
        },
    ] {
        let mut images = images();
        change(&mut images);
        assert!(matches!(write_images(&path, &images), Err(IdxError::Pixels { .. })));
    }
    assert!(!path.exists());
}
