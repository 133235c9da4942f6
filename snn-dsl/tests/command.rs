//! The `snn` command as a user runs it.

use std::path::PathBuf;
use std::process::{Command, Output};

fn snn(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_snn")).args(arguments).output().expect("the command cannot be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file of that text in a folder of its own.
fn file(name: &str, text: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("snn-command-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

const CELL: &str = "neuron Cell {
    param tau = 10 ms
    event exc : mV
    state V : mV = 0 mV
    tau dV/dt = -V
    on exc { V += exc }
    integrate exponential_euler
}
";

#[test]
fn check_counts_and_exits() {
    let good = file("good.snn", CELL);
    let output = snn(&["check", good.to_str().unwrap()]);
    assert!(output.status.success());
    assert_eq!(text(&output.stderr), "0 errors, 0 warnings in 1 file\n");

    let bad = file("bad.snn", &CELL.replace("= -V", "= -V + 3 nA"));
    let output = snn(&["check", bad.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(message.contains("expected mV, found nA") && message.contains("bad.snn:5:"), "{message}");
    assert!(
        message.ends_with("1 error, 0 warnings in 1 file\nfor more about an error: snn explain-error E0302\n"),
        "{message}"
    );

    let output = snn(&["check", "--json", bad.to_str().unwrap()]);
    assert!(text(&output.stdout).starts_with("[{\"severity\":\"error\",\"code\":\"E03"), "{}", text(&output.stdout));
    // Several files make one document.
    let one = text(&output.stdout);
    let output = snn(&["check", "--json", bad.to_str().unwrap(), good.to_str().unwrap(), bad.to_str().unwrap()]);
    let inner = one.trim().trim_start_matches('[').trim_end_matches(']');
    assert_eq!(text(&output.stdout), format!("[{inner},{inner}]\n"));
}

#[test]
fn what_help_points_to_is_there() {
    for command in ["explain", "simulate"] {
        let help = text(&snn(&[command, "--help"]).stdout);
        assert!(help.contains("see Inputs below"), "{help}");
        assert!(help.contains("\nInputs:\n") && help.contains("poisson(100 Hz, 0.5 nA)"), "{command}: {help}");
    }
}

#[test]
fn explain_prints_the_derivation() {
    for model in [file("explained.snn", CELL).to_str().unwrap(), "LIF"] {
        let output = snn(&["explain", model]);
        assert!(output.status.success());
        let derivation = text(&output.stdout);
        for part in ["decay_V = exp(-(dt/tau))", "V_bar <- ", "bytes per neuron and step"] {
            assert!(derivation.contains(part), "{model} lacks `{part}`:\n{derivation}");
        }
    }
}

#[test]
fn build_writes_rust() {
    let model = file("built.snn", CELL);
    let target = model.with_extension("rs");
    let output = snn(&["build", model.to_str().unwrap(), "-o", target.to_str().unwrap(), "--runtime", "::my::runtime"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let code = std::fs::read_to_string(&target).unwrap();
    assert!(code.contains("impl ::my::runtime::Kernel for Cell"), "{code}");
    assert!(!code.contains("unsafe"));
    // Without -o the code goes to standard output.
    let printed = snn(&["build", model.to_str().unwrap(), "--runtime", "::my::runtime"]);
    assert_eq!(text(&printed.stdout), code);
}

#[test]
fn list_and_unknown_names() {
    let list = text(&snn(&["list"]).stdout);
    assert!(list.contains("LIF") && list.contains("inv_square_grad"), "{list}");
    assert!(text(&snn(&["list", "GIF"]).stdout).contains("neuron GIF {"));
    let output = snn(&["explain", "LIFF"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("did you mean `LIF`?"), "{}", text(&output.stderr));
    let output = snn(&["check", "no/such/file.snn"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot read no/such/file.snn"));
}

#[test]
fn fmt_lays_files_out_and_leaves_broken_ones_alone() {
    let model = file("untidy.snn", &CELL.replace("    param tau = 10 ms", "  param   tau=10 ms // a time"));
    let path = model.to_str().unwrap();
    assert_eq!(snn(&["fmt", "--check", path]).status.code(), Some(1));
    assert!(snn(&["fmt", path]).status.success());
    let tidy = std::fs::read_to_string(&model).unwrap();
    assert_eq!(tidy, CELL.replace("10 ms", "10 ms  // a time"));
    assert!(snn(&["fmt", "--check", path]).status.success());

    let broken = file("broken.snn", "neuron  A {\n  param tau = (1 ms\n}\n");
    let output = snn(&["fmt", broken.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("error[E0103]"), "{}", text(&output.stderr));
    assert_eq!(std::fs::read_to_string(&broken).unwrap(), "neuron  A {\n  param tau = (1 ms\n}\n");
    let entries = std::fs::read_dir(broken.parent().unwrap()).unwrap().count();
    assert_eq!(entries, 1, "a temporary file is left");
}

#[cfg(unix)]
#[test]
fn files_keep_their_links_and_permissions() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let untidy = CELL.replace("    param tau", "  param  tau");
    let model = file("linked.snn", &untidy);
    let link = model.with_file_name("link.snn");
    symlink("linked.snn", &link).unwrap();
    std::fs::set_permissions(&model, std::fs::Permissions::from_mode(0o640)).unwrap();
    let output = snn(&["fmt", link.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(&model).unwrap(), CELL);
    assert_eq!(std::fs::metadata(&model).unwrap().permissions().mode() & 0o777, 0o640);
    // A file that may not be written stays as it is, and the message says so.
    std::fs::write(&model, &untidy).unwrap();
    std::fs::set_permissions(&model, std::fs::Permissions::from_mode(0o440)).unwrap();
    let output = snn(&["fmt", link.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).ends_with("; the file is unchanged\n"), "{}", text(&output.stderr));
    assert_eq!(std::fs::read_to_string(&model).unwrap(), untidy);
}

#[cfg(target_os = "linux")]
#[test]
fn build_writes_to_devices_and_pipes() {
    let model = file("piped.snn", CELL);
    let path = model.to_str().unwrap();
    let printed = text(&snn(&["build", path]).stdout);
    for target in ["-", "/dev/stdout", "/dev/fd/1"] {
        let output = snn(&["build", path, "-o", target]);
        assert!(output.status.success(), "{target}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), printed, "{target}");
    }
    assert!(snn(&["build", path, "-o", "/dev/null"]).status.success());
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    // A new file that cannot be written is not `unchanged`.
    let output = snn(&["build", path, "-o", model.with_file_name("none/out.rs").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(message.contains("cannot write") && !message.contains("unchanged"), "{message}");
}

#[test]
fn explain_error_shows_a_page_or_all_titles() {
    for word in ["E0302", "e0302", "302"] {
        let output = snn(&["explain-error", word]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let page = text(&output.stdout);
        assert!(page.starts_with("# E0302: ") && page.contains("```snn\n"), "{page}");
    }
    let list = text(&snn(&["explain-error"]).stdout);
    assert_eq!(list, text(&snn(&["explain-error", "--list"]).stdout));
    assert!(list.starts_with("E0101  a character") && list.contains("\nW0401  a name that nothing reads\n"), "{list}");
    for (word, remedy) in
        [("EO302", "did you mean `E0302`?"), ("overflow", "`snn explain-error --list` shows all codes")]
    {
        let output = snn(&["explain-error", word]);
        assert_eq!(output.status.code(), Some(1));
        let message = text(&output.stderr);
        assert!(message.contains(&format!("found `{word}`")) && message.contains(remedy), "{message}");
    }
}
