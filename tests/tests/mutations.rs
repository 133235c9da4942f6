//! Texts with something wrong in them, by the thousand: nothing panics, and every rejection says where and why.
//!
//! `SNN_MUTATIONS=1000` sets the number for each text.

use snn_tests::robust::holds;
use snn_tests::trains::Random;
use std::path::{Path, PathBuf};

/// Texts to start from: the library, and the models of the tests.
fn texts() -> Vec<(String, String)> {
    let neurons = snn_dsl::library::neuron_names().iter().filter_map(|n| snn_dsl::library::neuron(n));
    let surrogates = snn_dsl::library::surrogate_names().iter().filter_map(|n| snn_dsl::library::surrogate(n));
    let library = neurons.chain(surrogates).map(|(name, text)| (name.to_string(), text.to_string()));
    let models = ["models", "models/pass"].into_iter().flat_map(files).map(|path| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path.display().to_string(), text)
    });
    library.chain(models).collect()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == "snn")).collect();
    files.sort();
    files
}

/// A text as words, signs and spaces.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let class = |c: char| {
        if c.is_alphanumeric() || c == '_' {
            0
        } else if c == ' ' {
            1
        } else {
            2
        }
    };
    for c in text.chars() {
        match pieces.last_mut() {
            Some(last) if class(c) < 2 && last.chars().next().map(class) == Some(class(c)) => last.push(c),
            _ => pieces.push(c.to_string()),
        }
    }
    pieces
}

const WORDS: &[&str] = &[
    "mV",
    "nA",
    "ms",
    "step",
    "V",
    "tau",
    "neuron",
    "network",
    "spike",
    "on",
    "in",
    "if",
    "else",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "=",
    "==",
    "+",
    "-",
    "*",
    "/",
    "^",
    "**",
    "..",
    ",",
    ";",
    ":",
    "->",
    "#",
    "'",
    "\"",
    "0",
    "1e400",
    "1e-400",
    "µ",
    "Ω",
    "é",
    "\n",
    "dt",
    "xi",
    "t",
    "exp",
    "max_t",
    "trainable",
    "per neuron",
    "scale",
    "holding",
    "/// doc\n",
    "// comment\n",
    "0/0",
    "detach",
];

/// One thing wrong, or a few.
fn mutate(text: &str, random: &mut Random) -> String {
    let mut pieces = pieces(text);
    let below = |n: usize, random: &mut Random| (random.bits() % n.max(1) as u64) as usize;
    for _ in 0..1 + below(3, random) {
        let (i, j) = (below(pieces.len(), random), below(pieces.len(), random));
        let word = WORDS[below(WORDS.len(), random)].to_string();
        match below(9, random) {
            0 => drop(pieces.remove(i)),
            1 => pieces.insert(i, pieces[i].clone()),
            2 => pieces.swap(i, j),
            3 => pieces[i] = word,
            4 => pieces.insert(i, word),
            // A misspelt name.
            5 => {
                let at = below(pieces[i].chars().count(), random);
                pieces[i] = pieces[i].chars().enumerate().filter(|(k, _)| *k != at).map(|(_, c)| c).collect();
            }
            6 => pieces[i].push(char::from(b'a' + below(26, random) as u8)),
            // A part of the text twice, or the rest of it missing.
            7 => {
                let (from, to) = (i.min(j), i.max(j).min(i.min(j) + 40));
                let part: Vec<String> = pieces[from..to].to_vec();
                pieces.splice(to..to, part);
            }
            _ => pieces.truncate(i.max(1)),
        }
        if pieces.is_empty() {
            break;
        }
    }
    pieces.concat()
}

#[test]
fn mutated_texts() {
    let count = std::env::var("SNN_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    let (mut accepted, mut rejected) = (0, 0);
    for (index, (_, text)) in texts().iter().enumerate() {
        let mut random = Random(0x5eed + index as u64);
        for _ in 0..count {
            let mutated = mutate(text, &mut random);
            let start = std::time::Instant::now();
            let outcome = std::panic::catch_unwind(|| holds(&mutated).model.is_some());
            match outcome {
                Ok(true) => accepted += 1,
                Ok(false) => rejected += 1,
                Err(_) => panic!("the panic above comes from this text:\n{mutated}"),
            }
            let time = start.elapsed().as_millis();
            if time > 100 {
                eprintln!("{time} ms:\n{mutated}");
            }
        }
    }
    assert!(rejected > accepted && accepted > count, "{accepted} accepted, {rejected} rejected");
}

#[test]
fn random_bytes_and_random_words() {
    let mut random = Random(7);
    for length in 0..400 {
        let bytes: Vec<u8> = (0..length).map(|_| random.bits() as u8).collect();
        holds(&String::from_utf8_lossy(&bytes));
        let ascii: Vec<u8> = bytes.iter().map(|b| 32 + b % 95).collect();
        holds(&String::from_utf8_lossy(&ascii));
        let words: Vec<&str> = bytes.iter().map(|&b| WORDS[usize::from(b) % WORDS.len()]).collect();
        holds(&words.join(" "));
        holds(&format!("neuron A {{\n{}\n}}", words.join(" ")));
        holds(&format!("network N {{\n simulate dt = 1 ms, for 2 ms\n{}\n}}", words.join(" ")));
    }
}

/// Texts on which something went wrong once.
#[test]
fn texts_that_were_found() {
    for path in files("models/found") {
        let bytes = std::fs::read(&path).unwrap();
        holds(&String::from_utf8_lossy(&bytes));
    }
}
