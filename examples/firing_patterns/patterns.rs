//! The twenty patterns of Mihalas and Niebur (2009, table 1): three parameters and a course of injected current each.

/// One pattern.
pub(crate) struct Pattern {
    /// Its letter in the paper's figure.
    pub(crate) letter: char,
    /// Its name.
    pub(crate) name: &'static str,
    /// How the threshold follows the potential, in Hz.
    pub(crate) a: f64,
    /// What a spike adds to the fast and the slow current, in mV/ms.
    pub(crate) jumps: [f64; 2],
    /// The injected current in mV/ms, and for how many ms.
    pub(crate) protocol: &'static [(f64, usize)],
}

impl Pattern {
    /// The length of the protocol in ms.
    pub(crate) fn length(&self) -> usize {
        self.protocol.iter().map(|p| p.1).sum()
    }

    /// The injected current in a millisecond, in mV/ms.
    pub(crate) fn injected(&self, ms: usize) -> f64 {
        let mut end = 0;
        let segment = self.protocol.iter().find(|(_, length)| {
            end += length;
            ms < end
        });
        segment.map_or(0.0, |s| s.0)
    }

    /// V and threshold at the start in mV.
    pub(crate) fn start(&self) -> [f64; 2] {
        if self.letter == 'H' { [-30.0, -30.0] } else { [-70.0, -50.0] }
    }
}

/// All of them.
pub(crate) const PATTERNS: [Pattern; 20] = [
    Pattern { letter: 'A', name: "tonic spiking", a: 0.0, jumps: [0.0, 0.0], protocol: &[(1.5, 200)] },
    Pattern { letter: 'B', name: "class 1", a: 0.0, jumps: [0.0, 0.0], protocol: &[(1.0 + 1e-6, 500)] },
    Pattern { letter: 'C', name: "spike-frequency adaptation", a: 5.0, jumps: [0.0, 0.0], protocol: &[(2.0, 200)] },
    Pattern { letter: 'D', name: "phasic spiking", a: 5.0, jumps: [0.0, 0.0], protocol: &[(1.5, 500)] },
    Pattern {
        letter: 'E',
        name: "accommodation",
        a: 5.0,
        jumps: [0.0, 0.0],
        protocol: &[(1.5, 100), (0.0, 500), (0.5, 100), (1.0, 100), (1.5, 100), (0.0, 100)],
    },
    Pattern {
        letter: 'F',
        name: "threshold variability",
        a: 5.0,
        jumps: [0.0, 0.0],
        protocol: &[(1.5, 20), (0.0, 180), (-1.5, 25), (0.0, 25), (1.5, 25), (0.0, 125)],
    },
    Pattern {
        letter: 'G',
        name: "rebound spike",
        a: 5.0,
        jumps: [0.0, 0.0],
        protocol: &[(0.0, 50), (-3.5, 756), (0.0, 194)],
    },
    Pattern { letter: 'H', name: "class 2", a: 5.0, jumps: [0.0, 0.0], protocol: &[(2.0 * (1.0 + 1e-6), 300)] },
    Pattern {
        letter: 'I',
        name: "integrator",
        a: 5.0,
        jumps: [0.0, 0.0],
        protocol: &[(1.5, 20), (0.0, 10), (1.5, 20), (0.0, 250), (1.5, 20), (0.0, 20), (1.5, 20), (0.0, 40)],
    },
    Pattern {
        letter: 'J',
        name: "input bistability",
        a: 5.0,
        jumps: [0.0, 0.0],
        protocol: &[(1.5, 100), (1.7, 400), (1.5, 100), (1.7, 400)],
    },
    Pattern {
        letter: 'K',
        name: "hyperpolarisation-induced spiking",
        a: 30.0,
        jumps: [0.0, 0.0],
        protocol: &[(-1.0, 400)],
    },
    Pattern {
        letter: 'L',
        name: "hyperpolarisation-induced bursting",
        a: 30.0,
        jumps: [10.0, -0.6],
        protocol: &[(-1.0, 400)],
    },
    Pattern { letter: 'M', name: "tonic bursting", a: 5.0, jumps: [10.0, -0.6], protocol: &[(2.0, 500)] },
    Pattern { letter: 'N', name: "phasic bursting", a: 5.0, jumps: [10.0, -0.6], protocol: &[(1.5, 500)] },
    Pattern {
        letter: 'O',
        name: "rebound burst",
        a: 5.0,
        jumps: [10.0, -0.6],
        protocol: &[(0.0, 100), (-3.5, 500), (0.0, 400)],
    },
    Pattern { letter: 'P', name: "mixed mode", a: 5.0, jumps: [5.0, -0.3], protocol: &[(2.0, 500)] },
    Pattern { letter: 'Q', name: "afterpotentials", a: 5.0, jumps: [5.0, -0.3], protocol: &[(2.0, 15), (0.0, 185)] },
    Pattern {
        letter: 'R',
        name: "basal bistability",
        a: 0.0,
        jumps: [8.0, -0.1],
        protocol: &[(5.0, 10), (0.0, 90), (5.0, 10), (0.0, 90)],
    },
    Pattern {
        letter: 'S',
        name: "preferred frequency",
        a: 5.0,
        jumps: [-3.0, 0.5],
        protocol: &[(5.0, 5), (0.0, 5), (4.0, 5), (0.0, 385), (5.0, 5), (0.0, 45), (4.0, 5), (0.0, 345)],
    },
    Pattern { letter: 'T', name: "spike latency", a: -80.0, jumps: [0.0, 0.0], protocol: &[(8.0, 2), (0.0, 48)] },
];
