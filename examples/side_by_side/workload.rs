//! The workloads: which of our programs, which script of a peer, and where both print their time.

use clap::ValueEnum;

/// What is timed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// One update of the recurrent digits classifier, against JAX.
    Digits,
    /// The same with a triangular surrogate of half-width 1.
    DigitsTriangle,
    /// The same with one of half-width 0.5; the peer, which gains nothing by it, has 1.
    DigitsHalfTriangle,
    /// One update of delayed match to sample, against JAX.
    Dms,
    /// 10 s of the network with currents, against Brian2 in standalone C++.
    Cuba,
    /// 10 s of the network with conductances, likewise.
    Coba,
}

/// Where a program says how long it took.
#[derive(Clone, Copy)]
pub(crate) enum Time {
    /// The number before these words.
    Before(&'static str),
    /// The number behind these words.
    Behind(&'static str),
}

/// What is run.
pub(crate) struct Programs {
    /// Our example.
    pub(crate) example: &'static str,
    /// Its arguments.
    pub(crate) arguments: &'static [&'static str],
    /// The peer's script.
    pub(crate) script: &'static str,
    /// Its arguments.
    pub(crate) script_arguments: &'static [&'static str],
    /// Its environment.
    pub(crate) environment: &'static [(&'static str, &'static str)],
    /// Where both print the time, and its unit.
    pub(crate) time: Time,
    pub(crate) unit: &'static str,
}

impl Workload {
    /// What is run.
    pub(crate) fn programs(self) -> Programs {
        let digits = Programs {
            example: "update_speed",
            arguments: &[],
            script: "mnist_jax.py",
            script_arguments: &[],
            environment: &[],
            time: Time::Before(" ms/update"),
            unit: "ms",
        };
        let triangle = Programs { environment: &[("TRIANGLE", "1")], ..digits };
        let network = |example, script_arguments| Programs {
            example,
            arguments: &[],
            script: "brian2_networks.py",
            script_arguments,
            environment: &[],
            time: Time::Behind("of model time in "),
            unit: "s",
        };
        match self {
            Self::Digits => digits,
            Self::DigitsTriangle => Programs { arguments: &["--surrogate", "triangle"], ..triangle },
            Self::DigitsHalfTriangle => {
                Programs { arguments: &["--surrogate", "triangle", "--width", "0.5"], ..triangle }
            }
            Self::Dms => Programs {
                example: "dms_speed",
                arguments: &[],
                script: "dms_jax.py",
                script_arguments: &[],
                environment: &[],
                time: Time::Behind(" step "),
                unit: "s",
            },
            Self::Cuba => network("cuba", &["cuba"]),
            Self::Coba => network("coba", &["coba"]),
        }
    }
}

impl Time {
    /// The line that says it, the last if there are several, and the time.
    pub(crate) fn find(self, output: &str) -> Option<(&str, f64)> {
        output.lines().rev().find_map(|line| {
            let number = match self {
                Self::Before(words) => line.split_once(words)?.0.split_whitespace().next_back()?,
                Self::Behind(words) => line.split_once(words)?.1.split_whitespace().next()?,
            };
            let time: f64 = number.parse().ok()?;
            (time > 0.0 && time.is_finite()).then_some((line, time))
        })
    }
}
