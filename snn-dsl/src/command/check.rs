//! `snn check`

use super::output::print;
use super::{read, report};
use snn_dsl::diagnostic::{Severity, json};
use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) fn check(files: &[PathBuf], as_json: bool) -> Result<ExitCode, String> {
    let (mut errors, mut warnings) = (0, 0);
    let mut code = None;
    let mut objects: Vec<String> = Vec::new();
    for file in files {
        let compilation = read(file)?;
        let counts = compilation.counts();
        errors += counts.0;
        warnings += counts.1;
        let error = compilation.diagnostics.iter().find(|d| d.severity == Severity::Error);
        code = code.or(error.map(|d| d.code));
        if as_json {
            let list = json(&compilation.sources, &compilation.diagnostics);
            objects.extend(
                list.strip_prefix('[').and_then(|l| l.strip_suffix(']')).filter(|l| !l.is_empty()).map(String::from),
            );
        } else {
            report(&compilation);
        }
    }
    if as_json {
        // One document for all files.
        print(&format!("[{}]\n", objects.join(",")))?;
    } else {
        let count = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        eprintln!("{}, {} in {}", count(errors, "error"), count(warnings, "warning"), count(files.len(), "file"));
        if let Some(code) = code {
            eprintln!("for more about an error: snn explain-error {code}");
        }
    }
    Ok(if errors > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
