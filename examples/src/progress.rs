//! What a terminal shows while a network is trained.

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use std::fmt::Write;

/// A bar for so many updates. Hidden unless there is a terminal.
pub fn updates(count: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("[{bar:28}] {pos}/{len} updates  {eta} left  {msg}");
    ProgressBar::new(count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "))
}

/// A bar for one epoch, counted from 0, of so many digits, of which `done` were trained before. Hidden unless there is a
/// terminal.
pub fn bar(digits: u64, done: u64, epoch: u64, epochs: u64) -> ProgressBar {
    let template = "{prefix} [{bar:28}] {pos}/{len}  {per_sec:>12}  {msg}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let style = style
        .with_key("per_sec", |state: &ProgressState, w: &mut dyn Write| {
            _ = write!(w, "{:.0} digits/s", state.per_sec());
        })
        .progress_chars("=> ");
    let bar = ProgressBar::new(digits).with_style(style).with_prefix(format!("epoch {:>2}/{epochs}", epoch + 1));
    bar.set_position(done);
    // The speed is that of this process.
    bar.reset_eta();
    bar
}
