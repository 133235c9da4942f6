//! Damaged, lying and oversized files.

use super::*;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

fn floats() -> Vec<u8> {
    let data: Vec<u8> = (0..6).flat_map(|i| (i as f32).to_le_bytes()).collect();
    npy(&described("<f4", "False", "(2, 3)"), &data)
}

/// An archive of such members.
fn archive(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const METHODS: [CompressionMethod; 2] = [CompressionMethod::Stored, CompressionMethod::Deflated];

/// Reads everything; errors name the file.
fn read_all(content: &[u8]) -> Result<Vec<ArrayD<f32>>, NpzError> {
    let read = || -> Result<Vec<ArrayD<f32>>, NpzError> {
        let mut npz = open_bytes(content)?;
        let names: Vec<String> = npz.names().map(String::from).collect();
        names.iter().map(|name| npz.array(name)).collect()
    };
    read().inspect_err(|e| assert!(e.to_string().starts_with("file"), "{e}"))
}

#[test]
fn every_truncation_of_an_array_is_found() {
    let whole = floats();
    let header = whole.len() - 24;
    for length in 0..whole.len() {
        let (e, message) = error::<f32>(&whole[..length]);
        let NpzError::Truncated { expected, found, .. } = e else { panic!("{length}: {message}") };
        assert_eq!(found, length as u64);
        let announced = if length < 10 {
            10
        } else if length < header {
            header
        } else {
            whole.len()
        };
        assert_eq!(expected, announced as u64);
    }
    let more = [&whole[..], &[0]].concat();
    assert!(matches!(error::<f32>(&more).0, NpzError::Trailing { expected, .. } if expected == whole.len() as u64));
}

#[test]
fn every_flipped_bit_of_an_array_is_an_error_or_another_array() {
    let whole = floats();
    for i in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[i / 8] ^= 1 << (i % 8);
        if let Ok(read) = read::<f32>(&damaged) {
            assert_eq!(read.len(), 6, "{i}");
        }
    }
}

#[test]
fn every_truncation_of_an_archive_is_found() {
    for method in METHODS {
        let whole = archive(&[("a.npy", &floats()), ("b.npy", &floats())], method);
        assert_eq!(read_all(&whole).unwrap().len(), 2);
        for length in 0..whole.len() {
            assert!(read_all(&whole[..length]).is_err(), "{length}");
        }
    }
}

#[test]
fn every_flipped_bit_of_an_archive_is_an_error_or_harmless() {
    let array = read::<f32>(&floats()).unwrap();
    for method in METHODS {
        let whole = archive(&[("a.npy", &floats()), ("b.npy", &floats())], method);
        for i in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[i / 8] ^= 1 << (i % 8);
            // Names and times may change, and a member may lose its name; numbers have a checksum.
            if let Ok(read) = read_all(&damaged) {
                assert!(read.len() <= 2 && read.iter().all(|a| *a == array), "{i}");
            }
        }
    }
}

#[test]
fn false_sizes_cost_no_memory() {
    for shape in ["(4294967296, 4)", "(18446744073709551615,)", "(9223372036854775807, 3)", "(0, 9223372036854775807)"]
    {
        let (e, message) = error::<f32>(&npy(&described("<f4", "False", shape), &[0; 24]));
        assert!(matches!(e, NpzError::TooLarge { limit: SIZE_LIMIT, .. }), "{message}");
    }
    let whole = npy(&described("<f4", "False", "(1073741824,)"), &[0; 24]);
    let (e, _) = error::<f32>(&whole);
    let announced = SIZE_LIMIT + whole.len() as u64 - 24;
    assert!(matches!(e, NpzError::Truncated { expected, .. } if expected == announced), "{e}");
    let mut header = floats();
    header[6] = 2;
    header.splice(8..10, u32::MAX.to_le_bytes());
    let (e, message) = error::<f32>(&header);
    assert!(matches!(e, NpzError::Header { byte: 8, .. }) && message.contains("a length of 4294967295"), "{message}");
}

#[test]
fn a_member_that_unpacks_to_more_than_it_may_is_refused() {
    // 16 MB of zeros in 16 kB.
    let bomb = npy(&described("|u1", "False", "(16777216,)"), &vec![0; 1 << 24]);
    let content = archive(&[("x.npy", &bomb)], CompressionMethod::Deflated);
    assert!(content.len() < 1 << 15);
    let mut npz = open_bytes(&content).unwrap().limit(1 << 20);
    let error = npz.array::<u8, IxDyn>("x").unwrap_err();
    assert!(matches!(error, NpzError::TooLarge { limit: 1_048_576, .. }), "{error}");
    let small = npy(&described("|u1", "False", "(3,)"), &vec![0; 1 << 24]);
    let mut npz = open_bytes(&archive(&[("x.npy", &small)], CompressionMethod::Deflated)).unwrap();
    let error = npz.array::<u8, IxDyn>("x").unwrap_err();
    assert!(matches!(error, NpzError::Trailing { .. }), "{error}");
}

#[test]
fn other_files_are_no_archives() {
    for content in [&b""[..], b"PK", b"not an archive", &floats(), &[0; 1000]] {
        let error = open_bytes(content).err().unwrap();
        assert!(matches!(error, NpzError::Archive { .. }), "{error}");
        assert!(error.to_string().contains("expected a complete NPZ archive"), "{error}");
    }
}

#[test]
fn members_that_are_no_arrays_are_not_listed() {
    let content = archive(&[("a.npy", &floats()), ("notes.txt", b"text")], CompressionMethod::Stored);
    let mut npz = open_bytes(&content).unwrap();
    assert!(npz.names().eq(["a"]));
    assert!(matches!(npz.array::<f32, IxDyn>("notes.txt"), Err(NpzError::Missing { .. })));
    // Names that are no UTF-8 are read as those of old archives: nothing is refused for them.
    let members = [("a.npy", &floats()[..]), ("\u{20ac}.txt", b"text"), ("\u{20ad}.npy", &floats())];
    let mut content = archive(&members, CompressionMethod::Stored);
    for at in 1..content.len() - 1 {
        if content[at..].starts_with("\u{20ac}".as_bytes()) || content[at..].starts_with("\u{20ad}".as_bytes()) {
            content[at] = 0xff;
        }
    }
    let mut npz = open_bytes(&content).unwrap();
    let names: Vec<String> = npz.names().map(String::from).collect();
    assert!(names.len() == 2 && names[0] == "a", "{names:?}");
    assert!(names.iter().all(|name| npz.array::<f32, IxDyn>(name).unwrap().len() == 6));
}

#[test]
fn other_compression_encryption_and_twins_are_refused() {
    let whole = archive(&[("a.npy", &floats()), ("b.npy", &floats())], CompressionMethod::Stored);
    let central = whole.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    let open_and_read =
        |content: &[u8]| open_bytes(content).and_then(|mut npz| npz.array::<f32, IxDyn>("a")).unwrap_err();
    // The method: bzip2 in the local header and in the list.
    let mut other = whole.clone();
    (other[8], other[central + 10]) = (12, 12);
    let error = open_and_read(&other);
    assert!(matches!(error, NpzError::Packing { .. }) && error.to_string().contains("numpy.savez"), "{error}");
    // The flag of encryption.
    let mut encrypted = whole.clone();
    encrypted[6] |= 1;
    encrypted[central + 8] |= 1;
    assert!(matches!(open_and_read(&encrypted), NpzError::Packing { .. }));
    let twins: Vec<u8> = whole.iter().map(|&b| if b == b'b' { b'a' } else { b }).collect();
    let error = open_and_read(&twins);
    assert!(error.to_string().contains("two members have one name"), "{error}");
}
