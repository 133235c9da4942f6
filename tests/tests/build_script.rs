//! Code that a build script wrote is a module like any other, and the same network as the macro's.

#[allow(dead_code, unreachable_pub, reason = "a generated module is public as a whole, and used here in part")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/two_layers.rs"));
}

/// Nothing of the lints about names and unused things is left to whoever includes generated code.
#[deny(warnings)]
#[allow(dead_code, unreachable_pub, reason = "a generated module is public as a whole, and used here in part")]
mod hostile_names {
    include!(concat!(env!("OUT_DIR"), "/hostile_names.rs"));
}

#[deny(warnings)]
#[allow(dead_code, unreachable_pub, reason = "a generated module is public as a whole, and used here in part")]
mod integration {
    include!(concat!(env!("OUT_DIR"), "/integration.rs"));
}

mod by_macro {
    snn_macros::snn_model!("models/two_layers.snn");
}

mod by_absolute_path {
    include!(concat!(env!("OUT_DIR"), "/absolute.rs"));
}

use snn_runtime::{Parameters, store};

#[test]
fn the_same_network_as_by_the_macro() {
    let (a, b) = (generated::TwoLayers::<f64>::new(3).unwrap(), by_macro::TwoLayers::<f64>::new(3).unwrap());
    assert_eq!(generated::TwoLayers::<f64>::ID.hash, by_macro::TwoLayers::<f64>::ID.hash);
    assert_eq!(a.parameters.values(), b.parameters.values());
    assert_eq!(by_absolute_path::TwoLayers::<f64>::ID.hash, by_macro::TwoLayers::<f64>::ID.hash);
    assert_eq!(a.parameters.x_to_first_exc_weight().dim(), (5, 4));
    assert_eq!(a.parameters.x_to_first_exc_bias().dim(), 4);
}

#[test]
fn a_trained_network_is_its_text_and_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trained.safetensors");
    let trained = generated::TwoLayers::<f64>::new(3).unwrap();
    store::save(&path, &trained.parameters, &generated::TwoLayers::<f64>::ID).unwrap();
    let mut fresh = by_macro::TwoLayers::<f64>::new(4).unwrap();
    assert_ne!(fresh.parameters.values(), trained.parameters.values());
    store::load(&path, &mut fresh.parameters, &by_macro::TwoLayers::<f64>::ID).unwrap();
    assert_eq!(fresh.parameters.values(), trained.parameters.values());

    let other = snn_runtime::ModelId { hash: "0000000000000000", ..generated::TwoLayers::<f64>::ID };
    let error = store::load(&path, &mut fresh.parameters, &other).unwrap_err().to_string();
    assert!(error.contains("0000000000000000"), "{error}");
}
