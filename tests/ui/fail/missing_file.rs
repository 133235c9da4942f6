snn_macros::snn_model!("ui/fail/no_such_file.snn");

fn main() {}
