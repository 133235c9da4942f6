//! Files of parameters whose header contradicts the numbers, itself or the model.

use super::*;
use std::fs;

/// What loading says of a file with this header, and this many bytes of data.
fn message(header: &str, data: usize) -> String {
    let dir = folder();
    let path = dir.path().join("file");
    fs::write(&path, [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()).unwrap();
    let mut set = parameters(3);
    let before = set.clone();
    let message = store::load(&path, &mut set, &ID).unwrap_err().to_string();
    assert_eq!(set, before);
    clear(&message, &path);
    message
}

const METADATA: &str = r#""__metadata__":{"format_version":"1","model_name":"Digits","model_hash":"00ff"}"#;
const TAU: &str = r#""hidden.tau":{"dtype":"F32","shape":[],"data_offsets":[24,28]}"#;

/// A header with another description of the weights.
fn weights(description: &str) -> String {
    format!(r#"{{{METADATA},"w.weight":{{{description}}},{TAU}}}"#)
}

#[test]
fn the_header_has_to_agree_with_itself_and_the_data() {
    let good = weights(r#""dtype":"F32","shape":[2,3],"data_offsets":[0,24]"#);
    for (description, bytes) in [
        (r#""dtype":"F32","shape":[2,4],"data_offsets":[0,24]"#, 28),
        (r#""dtype":"F64","shape":[2,3],"data_offsets":[0,24]"#, 28),
        (r#""dtype":"F32","shape":[18446744073709551615,2],"data_offsets":[0,24]"#, 28),
        (r#""dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,24]"#, 28),
        (r#""dtype":"F32","shape":[-2,3],"data_offsets":[0,24]"#, 28),
        (r#""dtype":"F32","shape":[2,3],"data_offsets":[24,0]"#, 28),
        (r#""dtype":"F32","shape":[2,3],"data_offsets":[4,28]"#, 28),
        (r#""dtype":"F32","shape":[2,3],"data_offsets":[0,18446744073709551615]"#, 28),
        (r#""dtype":"F33","shape":[2,3],"data_offsets":[0,24]"#, 28),
        (r#""shape":[2,3],"data_offsets":[0,24]"#, 28),
    ] {
        let message = message(&weights(description), bytes);
        assert!(message.contains("expected a complete safetensors file"), "{message}");
    }
    for bytes in [0, 27, 29] {
        assert!(message(&good, bytes).contains("expected a complete safetensors file"));
    }
    for header in ["", "{", "[]", "null", "{}}", &good.replace("F32", "F\u{0}2"), &format!("{good}x")] {
        assert!(message(header, 28).contains("expected a complete safetensors file"));
    }
}

#[test]
fn names_shapes_and_types_have_to_be_those_of_the_model() {
    let data = r#""dtype":"F32","shape":[2,3],"data_offsets":[0,24]"#;
    let renamed = weights(data).replace("w.weight", "v.weight");
    let message_of = |header: &str| message(header, 28);
    assert!(
        message_of(&renamed)
            .contains("expected a tensor `w.weight` of shape [2, 3], found none; the file has `v.weight`")
    );
    let turned = weights(&data.replace("[2,3]", "[3,2]"));
    assert!(message_of(&turned).contains("expected shape [2, 3] of tensor `w.weight`, found [3, 2]"));
    let flat = weights(&data.replace("[2,3]", "[6]"));
    assert!(message_of(&flat).contains("expected shape [2, 3] of tensor `w.weight`, found [6]"));
    let integers = weights(&data.replace("F32", "I32"));
    assert!(message_of(&integers).contains("expected type F32 or F64 of tensor `w.weight`, found I32; convert"));
    let halves = format!(
        r#"{{{METADATA},"w.weight":{{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}},{}}}"#,
        TAU.replace("[24,28]", "[12,16]")
    );
    assert!(message(&halves, 16).contains("expected type F32 or F64 of tensor `w.weight`, found BF16"));
    let no_weights = format!("{{{METADATA},{}}}", TAU.replace("[24,28]", "[0,4]"));
    assert!(message(&no_weights, 4).contains("expected a tensor `w.weight`"));
    let empty = weights(r#""dtype":"F32","shape":[0,3],"data_offsets":[0,0]"#).replace("[24,28]", "[0,4]");
    assert!(message(&empty, 4).contains("expected shape [2, 3] of tensor `w.weight`, found [0, 3]"));
}

#[test]
fn a_false_length_of_the_header_costs_no_memory() {
    let dir = folder();
    let path = dir.path().join("file");
    for length in [1, 1 << 20, 100_000_001, u64::MAX / 2, u64::MAX] {
        fs::write(&path, [&length.to_le_bytes()[..], b"{}"].concat()).unwrap();
        let message = store::load(&path, &mut parameters(3), &ID).unwrap_err().to_string();
        clear(&message, &path);
    }
}

#[test]
fn numbers_that_are_not_finite_have_a_tensor_and_a_place() {
    let dir = folder();
    let path = dir.path().join("file");
    store::save(&path, &parameters(3), &ID).unwrap();
    let whole = fs::read(&path).unwrap();
    for (number, shown) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
        for place in 0..7 {
            let mut damaged = whole.clone();
            let at = whole.len() - 28 + 4 * place;
            damaged[at..at + 4].copy_from_slice(&number.to_le_bytes());
            fs::write(&path, damaged).unwrap();
            let message = store::load(&path, &mut parameters(3), &ID).unwrap_err().to_string();
            clear(&message, &path);
            // In the file the tensors are in the order of their names.
            let expected = match place {
                0 => format!("at place 0 of tensor `hidden.tau`, found {shown};"),
                _ => format!("at place {} of tensor `w.weight`, found {shown};", place - 1),
            };
            assert!(message.contains(&expected), "{message}");
        }
    }
}
