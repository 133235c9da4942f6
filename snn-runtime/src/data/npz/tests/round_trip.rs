//! What is written is read back.

use super::*;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Through an archive by the writer of this crate, and through a `.npy` file made by hand in another order.
fn returns<T: Element + PartialEq + std::fmt::Debug>(shape: &[usize], values: Vec<T>, descr: &str, big: bool) {
    let array = ArrayD::from_shape_vec(IxDyn(shape), values).unwrap();
    let mut out = NpzWriter::new();
    out.add("x", array.view()).unwrap();
    out.add("transposed", array.t()).unwrap();
    let mut npz = open_bytes(&out.finish().unwrap()).unwrap();
    assert_eq!(bytes(&npz.array::<T, IxDyn>("x").unwrap()), bytes(&array));
    assert_eq!(bytes(&npz.array::<T, IxDyn>("transposed").unwrap()), bytes(&array.t().to_owned()));
    assert_eq!(npz.info("x").unwrap(), ArrayInfo { kind: T::KIND, shape: shape.to_vec() });

    let order = if big { '>' } else { '<' };
    let sizes: String = shape.iter().map(|n| format!("{n},")).collect();
    for (fortran, elements) in [("False", array.clone()), ("True", array.t().to_owned())] {
        let mut data = Vec::new();
        for &x in &elements {
            let mut element = Vec::new();
            x.encode(&mut element);
            if big {
                element.reverse();
            }
            data.extend(element);
        }
        let made = npy(&described(&format!("{order}{descr}"), fortran, &format!("({sizes})")), &data);
        let read = read::<T>(&made).unwrap();
        assert_eq!((bytes(&read), read.shape(), read.is_standard_layout()), (bytes(&array), shape, true));
    }
}

/// The bits, so that NaN is equal to itself.
fn bytes<T: Element>(array: &ArrayD<T>) -> (Vec<usize>, Vec<u8>) {
    let mut bytes = Vec::new();
    array.iter().for_each(|&x| x.encode(&mut bytes));
    (array.shape().to_vec(), bytes)
}

/// The same arrays in every run, unless `PROPTEST_RNG_SEED` asks for others.
fn config() -> ProptestConfig {
    let defaults = ProptestConfig::default();
    let rng_seed = if defaults.rng_seed == RngSeed::Random { RngSeed::Fixed(2) } else { defaults.rng_seed };
    ProptestConfig { cases: 48, rng_seed, failure_persistence: None, ..defaults }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn arrays_of_every_type_return(
        shape in proptest::collection::vec(0usize..5, 0..4),
        seed in any::<u64>(),
        big in any::<bool>(),
    ) {
        let n = shape.iter().product::<usize>();
        // Bit patterns without order, NaN and infinity among them.
        let word = |i: u64| (seed ^ i).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        let words: Vec<u64> = (1..=n as u64).map(word).collect();
        macro_rules! each {
            ($($descr:literal: $word:expr,)*) => {
                $(returns(&shape, words.iter().map($word).collect(), $descr, big);)*
            };
        }
        each! {
            "b1": |&w| w % 2 == 1, "i1": |&w| w as i8, "i2": |&w| w as i16, "i4": |&w| w as i32, "i8": |&w| w as i64,
            "u1": |&w| w as u8, "u2": |&w| w as u16, "u4": |&w| w as u32, "u8": |&w| w,
            "f4": |&w| f32::from_bits(w as u32), "f8": |&w| f64::from_bits(w),
        }
    }

    #[test]
    fn no_header_panics(
        text in "[{}()',:<f4>shapedecrfotn_o Tu0-9-]{0,80}",
        tail in proptest::collection::vec(any::<u8>(), 0..16),
    ) {
        let _ = read::<f32>(&npy(&text, &tail));
    }

    #[test]
    fn no_bytes_panic(content in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read::<f32>(&content);
        let _ = read::<f32>(&[b"\x93NUMPY\x01\x00", &content[..]].concat());
        if let Ok(mut npz) = open_bytes(&[b"PK\x03\x04", &content[..], b"PK\x05\x06", &[0; 18]].concat()) {
            let names: Vec<String> = npz.names().map(String::from).collect();
            names.iter().for_each(|name| drop(npz.array::<f32, IxDyn>(name)));
        }
    }
}

#[test]
fn special_numbers_keep_their_bits() {
    let values = vec![f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, f32::MIN_POSITIVE / 2.0];
    returns(&[6], values, "f4", true);
}

#[test]
fn more_than_one_chunk_is_read() {
    let values: Vec<f64> = (0..20_001).map(f64::from).collect();
    returns(&[59, 339], values, "f8", true);
}

#[test]
fn equal_arrays_give_equal_bytes_with_data_aligned() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let mut out = NpzWriter::new();
        out.add("x", array![1u8, 2].view()).unwrap();
        out.add("layer/y", array![[0.5f64]].view()).unwrap();
        let path = dir.path().join(name);
        out.save(&path).unwrap();
        std::fs::read(path).unwrap()
    };
    assert_eq!(write("a"), write("b"));
    assert!(Npz::open(dir.path().join("a")).unwrap().names().eq(["x", "layer/y"]));
    for shape in [&[][..], &[3], &[1, 2, 3], &[usize::MAX; 64]] {
        let header = header::Header::bytes(ElementKind::Float32, shape);
        assert!(header.len().is_multiple_of(64) && header.ends_with(b"\n"));
        let place = Place { path: "x".into(), array: None };
        let parsed = header::Header::parse(&place, 10, &header[10..]).unwrap();
        assert_eq!((parsed.shape.as_slice(), parsed.big_endian, parsed.fortran_order), (shape, false, false));
    }
}

#[test]
fn names_and_sizes_that_cannot_be_written_are_refused() {
    let mut out = NpzWriter::new();
    let x = array![1u8];
    out.add("x", x.view()).unwrap();
    for name in ["x", "", &"n".repeat(1001)] {
        assert!(matches!(out.add(name, x.view()), Err(NpzError::Name { .. })));
    }
    let deep = ArrayD::<u8>::zeros(IxDyn(&[1; 65]));
    assert!(matches!(out.add("deep", deep.view()), Err(NpzError::Unwritable { .. })));
    // One element that looks like many: a view costs no memory.
    let wide = ndarray::arr0(0u8).into_dyn();
    let wide = wide.broadcast(IxDyn(&[1 << 17, 1 << 16])).unwrap();
    let message = out.add("wide", wide).unwrap_err().to_string();
    assert!(message.contains("array `wide`: expected at most 64 dimensions and 4294967296 bytes"), "{message}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npz");
    out.save(&path).unwrap();
    assert!(Npz::open(path).unwrap().names().eq(["x"]), "what was refused is not in the archive");
}
