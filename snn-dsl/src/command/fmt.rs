//! `snn fmt`

use super::output::{print, replace};
use super::report;
use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) fn fmt(files: &[PathBuf], only_check: bool) -> Result<ExitCode, String> {
    let mut code = ExitCode::SUCCESS;
    for path in files {
        let is_stream = path.as_os_str() == "-";
        let name = path.display().to_string();
        let text = if is_stream { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(path) };
        let text = text.map_err(|e| format!("error: cannot read {name}: {e}"))?;
        match snn_dsl::syntax::format(&name, &text) {
            Err(compilation) => {
                report(&compilation);
                code = ExitCode::FAILURE;
            }
            Ok(formatted) if only_check && formatted != text => {
                eprintln!("{name}: not laid out; run `snn fmt {name}`");
                code = ExitCode::FAILURE;
            }
            Ok(_) if only_check => {}
            Ok(formatted) if is_stream => print(&formatted)?,
            Ok(formatted) if formatted == text => {}
            Ok(formatted) => replace(path, &formatted)?,
        }
    }
    Ok(code)
}
