snn_macros::snn_model!("models/fail/wrong_unit_in_equation.snn");

fn main() {}
