//! The names inside a loop over the neurons of a population, by role.

use super::Emit;
use crate::emit::rust::expression::Name;
use crate::emit::rust::names::{Names, identifier, index};
use crate::expr::{IdMap, Leaf};
use crate::model::Quantity;
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use std::collections::{BTreeMap, BTreeSet};

/// The names of one loop: each stands for one thing.
pub(super) struct Locals {
    /// What is taken, for the lines to come.
    pub names: Names,
    /// What the loop reads.
    leaves: BTreeMap<Leaf, Ident>,
    /// The rows of the states, or of their adjoints.
    pub states: Vec<Ident>,
    /// The rows of the event ports.
    pub events: Vec<Ident>,
    /// The rows of the drives.
    pub drives: Vec<Ident>,
    /// The rows of the outputs, or of their adjoints.
    pub outputs: Vec<Ident>,
    /// The rows of normal numbers, by state.
    pub noise: BTreeMap<u16, Ident>,
    /// The rows of the tape.
    pub tape: Vec<Ident>,
    /// The rows of the coefficients that the loop reads and that differ from neuron to neuron, by number.
    coefficients: BTreeMap<u32, Ident>,
}

impl Locals {
    /// `fixed` are the names that the code writes out. What equations read comes before rows, so that a state `V_all`
    /// keeps its name beside a state `V`.
    pub(super) fn new(emit: &Emit, reads: &BTreeSet<Leaf>, fixed: &[&str]) -> Self {
        let mut names = emit.items.names.inside();
        names.reserve(fixed);
        let wishes: Vec<(Leaf, String)> = reads.iter().filter_map(|&leaf| Some((leaf, wish(emit, leaf)?))).collect();
        let granted = names.take_all(wishes.iter().map(|(_, wish)| wish));
        let leaves = wishes.iter().map(|(leaf, _)| *leaf).zip(granted).collect();
        let mut rows = |of: Vec<&Quantity>| names.take_all(of.iter().map(|q| format!("{}_all", q.name)));
        let states = rows(emit.model.states.iter().map(|s| &s.quantity).collect());
        let events = rows(emit.model.events.iter().collect());
        let drives = rows(emit.model.drives.iter().collect());
        let outputs = names.take_all(emit.model.outputs.iter().map(|o| format!("{}_all", word(&o.quantity))));
        let noisy: Vec<(u16, &Quantity)> =
            emit.derived.noise.iter().filter_map(|&i| Some((i as u16, &emit.model.states.get(i)?.quantity))).collect();
        let noise = names.take_all(noisy.iter().map(|(_, q)| format!("noise_{}_all", q.name)));
        let noise = noisy.iter().map(|(i, _)| *i).zip(noise).collect();
        let tape = names.take_all((0..emit.derived.tape.reals.len()).map(|k| format!("tape_{k}")));
        let differing: Vec<(u32, String)> = wishes
            .iter()
            .filter_map(|(leaf, wish)| match *leaf {
                Leaf::Coefficient(k) if shared(emit, *leaf).is_none() => Some((k, format!("{wish}_all"))),
                _ => None,
            })
            .collect();
        let coefficients = names.take_all(differing.iter().map(|(_, wish)| wish));
        let coefficients = differing.iter().map(|(k, _)| *k).zip(coefficients).collect();
        Self { names, leaves, states, events, drives, outputs, noise, tape, coefficients }
    }

    /// `let V = V_all[cell];` for everything that the loop reads neuron by neuron, coefficients first.
    pub(super) fn loads(&self, emit: &Emit) -> TokenStream {
        let is_coefficient = |leaf: &Leaf| matches!(leaf, Leaf::Coefficient(_));
        let own = self.leaves.iter().filter(|(leaf, _)| shared(emit, **leaf).is_none());
        let (first, rest): (Vec<_>, Vec<_>) = own.partition(|(leaf, _)| is_coefficient(leaf));
        let lines = first.into_iter().chain(rest).filter_map(|(leaf, name)| {
            let value = self.source(*leaf)?;
            Some(if matches!(leaf, Leaf::Event(_)) && emit.may_lack_events() {
                let (events, real, runtime) = (&emit.items.flags.events, &emit.items.real, emit.runtime);
                quote! { let #name = if #events { #runtime::math::addend(#value) } else { -#real::ZERO }; }
            } else {
                quote! { let #name = #value; }
            })
        });
        lines.collect()
    }

    /// The coefficients that the loop reads: those that are equal for all neurons, and the rows of the others.
    pub(super) fn coefficients(&self, emit: &Emit) -> TokenStream {
        let equal = self.leaves.iter().filter_map(|(leaf, name)| {
            let k = index(shared(emit, *leaf)?);
            Some(quote! { let #name = coefficient.shared(#k); })
        });
        let differing = self.coefficients.iter().map(|(&k, row)| {
            let k = index(k as usize);
            quote! { let #row = coefficient.row(#k); }
        });
        equal.chain(differing).collect()
    }

    fn source(&self, leaf: Leaf) -> Option<TokenStream> {
        let row = match leaf {
            Leaf::Coefficient(k) => self.coefficients.get(&k),
            Leaf::SpikeAdjoint => return Some(quote! { spike_gradient[cell] }),
            Leaf::Refractory => return Some(quote! { refractory[cell] > 0 }),
            Leaf::State(i) | Leaf::StateAdjoint(i) => self.states.get(usize::from(i)),
            Leaf::Event(i) => self.events.get(usize::from(i)),
            Leaf::Drive(i) => self.drives.get(usize::from(i)),
            Leaf::SignalAdjoint(k) => self.outputs.get(usize::from(k)),
            Leaf::Noise(i) => self.noise.get(&i),
            _ => None,
        };
        row.map(|row| quote! { #row[cell] })
    }

    /// What each leaf is called.
    pub(super) fn known(&self, emit: &Emit) -> IdMap<Name> {
        let mut known = IdMap::default();
        for (id, leaf) in emit.leaves() {
            if let Some(name) = self.leaves.get(&leaf) {
                known.insert(id, Name::Local(name.clone()));
            }
        }
        known
    }
}

/// The number of a coefficient that is equal for all neurons.
fn shared(emit: &Emit, leaf: Leaf) -> Option<usize> {
    let Leaf::Coefficient(k) = leaf else { return None };
    emit.derived.coefficients.get(k as usize).filter(|c| !c.per_neuron).map(|_| k as usize)
}

/// The name of an output without brackets: `before_reset_V`.
fn word(output: &Quantity) -> String {
    identifier(&output.name).trim_end_matches('_').to_string()
}

fn wish(emit: &Emit, leaf: Leaf) -> Option<String> {
    let state = |i: u16| emit.model.states.get(usize::from(i)).map(|s| &s.quantity.name);
    match leaf {
        Leaf::State(i) => state(i).cloned(),
        Leaf::Event(i) => emit.model.events.get(usize::from(i)).map(|q| q.name.clone()),
        Leaf::Drive(i) => emit.model.drives.get(usize::from(i)).map(|q| q.name.clone()),
        Leaf::Noise(i) => state(i).map(|name| format!("noise_{name}")),
        Leaf::Coefficient(k) => emit.derived.coefficients.get(k as usize).map(|c| format!("c_{}", c.name)),
        Leaf::StateAdjoint(i) => state(i).map(|name| format!("{name}_bar")),
        Leaf::SpikeAdjoint => Some("spike_bar".into()),
        Leaf::SignalAdjoint(k) => emit.model.outputs.get(usize::from(k)).map(|o| format!("{}_bar", word(&o.quantity))),
        Leaf::Refractory => Some("is_refractory".into()),
        _ => None,
    }
}
