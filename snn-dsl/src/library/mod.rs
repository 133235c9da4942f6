//! The standard library: models as text, one file a model. Only what is referenced is parsed.

/// A library text: the name that diagnostics give to its file, and the text.
pub type Entry = (&'static str, &'static str);

macro_rules! entries {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$((
            $name,
            (
                concat!("library/", $folder, "/", $name, ".snn"),
                include_str!(concat!($folder, "/", $name, ".snn")),
            ),
        )),*]
    };
}

const NEURONS: &[(&str, Entry)] = entries!("neurons":
    "ALIF",
    "AdEx",
    "ConnorStevens",
    "EIF",
    "FitzHughNagumo",
    "GIF",
    "GLIF1",
    "GLIF2",
    "GLIF3",
    "GLIF4",
    "GLIF5",
    "HindmarshRose",
    "HodgkinHuxley",
    "IF",
    "Izhikevich",
    "LI",
    "LIF",
    "LIF_adaptive_threshold",
    "LIF_alpha",
    "LIF_conductance",
    "LIF_conductance_alpha",
    "LIF_current",
    "LIF_delta",
    "LIF_refractory",
    "LI_delta",
    "MAT2",
    "MihalasNiebur",
    "MorrisLecar",
    "PLIF",
    "PinskyRinzel",
    "PoissonSource",
    "QIF",
    "ResonateAndFire",
    "SRM0",
    "ThetaNeuron",
    "TraubMiles",
    "WangBuzsaki",
);

const SYNAPSES: &[(&str, Entry)] = entries!("synapses":
    "Alpha",
    "AlphaConductance",
    "DualExponential",
    "DualExponentialConductance",
    "Exponential",
    "ExponentialConductance",
    "GapJunction",
    "NMDA",
    "NMDA_saturating",
    "PairSTDP",
    "RewardSTDP",
    "TripletSTDP",
    "TsodyksMarkram",
);

const SURROGATES: &[(&str, Entry)] = entries!("surrogates":
    "arctan",
    "erf",
    "gaussian_grad",
    "inv_square_grad",
    "leaky_relu",
    "log_tailed_relu",
    "multi_gaussian_grad",
    "nonzero_sign_log",
    "piecewise_exp",
    "piecewise_leaky_relu",
    "piecewise_quadratic",
    "q_pseudo_spike",
    "relu_grad",
    "s2nn",
    "sigmoid",
    "slayer_grad",
    "soft_sign",
    "squarewave_fourier_series",
);

/// The text that defines a library neuron.
pub fn neuron(name: &str) -> Option<Entry> {
    find(NEURONS, name)
}

/// The text that defines a library synapse.
pub fn synapse(name: &str) -> Option<Entry> {
    find(SYNAPSES, name)
}

/// The names of all library synapses, sorted.
pub fn synapse_names() -> &'static [&'static str] {
    const NAMES: [&str; SYNAPSES.len()] = names(SYNAPSES);
    &NAMES
}

/// The text that defines a library surrogate.
pub fn surrogate(name: &str) -> Option<Entry> {
    find(SURROGATES, name)
}

/// The names of all library neurons, sorted.
pub fn neuron_names() -> &'static [&'static str] {
    const NAMES: [&str; NEURONS.len()] = names(NEURONS);
    &NAMES
}

/// The names of all library surrogates, sorted.
pub fn surrogate_names() -> &'static [&'static str] {
    const NAMES: [&str; SURROGATES.len()] = names(SURROGATES);
    &NAMES
}

fn find(entries: &[(&str, Entry)], name: &str) -> Option<Entry> {
    entries.iter().find(|(n, _)| *n == name).map(|(_, entry)| *entry)
}

const fn names<const N: usize>(entries: &[(&'static str, Entry)]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut i = 0;
    while i < N {
        names[i] = entries[i].0;
        i += 1;
    }
    names
}
