//! Code over f64 that runs once: coefficients from parameters, and gradients back to parameters.

use super::{Emit, doc_lines, text_block};
use crate::derive::{MatrixFunction, Propagator, schedule};
use crate::emit::rust::expression::{Name, Scalar, Writer};
use crate::emit::rust::names::{Mentions, Names, index};
use crate::expr::{ExprId, IdMap, Leaf, Node};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use std::collections::BTreeMap;

/// What the code calls things of its own.
const FIXED: &[&str] = &["dt", "parameters", "coefficients", "coefficient_gradient", "gradient"];

/// The code of some expressions of parameters.
struct Computed {
    lines: TokenStream,
    values: Vec<TokenStream>,
}

/// What the arrays of one matrix exponential are called.
struct Exponential {
    matrix: Ident,
    result: Ident,
    adjoint: Ident,
}

impl Emit<'_> {
    /// Stored parameters are computed first, then matrix exponentials, then what several expressions share. If the roots read
    /// the adjoints of matrices, these come from `gradients` of the exponentials.
    fn computed(&self, roots: &[ExprId], gradients: &[ExprId]) -> Computed {
        let arena = self.arena();
        let mut names = self.items.names.inside();
        names.reserve(FIXED);
        let is_entry = |leaf: &Leaf| matches!(leaf, Leaf::Propagator(_) | Leaf::PropagatorAdjoint(_));
        let with_matrices = roots.iter().any(|&root| arena.leaves(root).iter().any(is_entry));
        let propagators = if with_matrices { &self.derived.propagators[..] } else { &[] };
        let gradients = if with_matrices { gradients } else { &[] };
        let entries = propagators.iter().flat_map(|p| p.entries.iter().copied());
        let all: Vec<ExprId> = roots.iter().chain(gradients).copied().chain(entries).collect();
        let stored: Vec<_> = self.derived.stored.iter().filter(|s| self.reads(&all, s.parameter)).collect();
        let wishes = stored.iter().filter_map(|s| self.model.parameters.get(s.parameter)).map(|p| &p.quantity.name);
        let locals: BTreeMap<usize, Ident> = stored.iter().map(|s| s.parameter).zip(names.take_all(wishes)).collect();
        let exponentials: Vec<Exponential> = (1..=propagators.len())
            .map(|k| Exponential {
                matrix: names.take(&format!("matrix_{k}")),
                result: names.take(&format!("exponential_{k}")),
                adjoint: names.take(&format!("matrix_gradient_{k}")),
            })
            .collect();
        let known = self.f64_names(&locals, &exponentials, all.iter().copied().chain(stored.iter().map(|s| s.value)));
        let mut writer = Writer::new(arena, self.runtime, Scalar::F64, known, None);
        let mut lines = TokenStream::new();
        for (stored, name) in stored.iter().zip(locals.values()) {
            let value = writer.value(stored.value);
            lines.extend(quote! { let #name = #value; });
        }
        lines.extend(self.exponentials(&mut writer, &mut names, &exponentials, gradients));
        let program = schedule(arena, roots.iter().copied(), &Default::default(), None);
        writer.lets(&program, &BTreeMap::new(), &mut names, &mut lines);
        Computed { lines, values: roots.iter().map(|&root| writer.value(root).into_token_stream()).collect() }
    }

    /// The matrices, their exponentials, and with `gradients` of these the gradients of the matrices.
    fn exponentials(
        &self,
        writer: &mut Writer,
        names: &mut Names,
        exponentials: &[Exponential],
        gradients: &[ExprId],
    ) -> TokenStream {
        let runtime = self.runtime;
        let mut lines = TokenStream::new();
        let mut array = |writer: &mut Writer, entries: &[ExprId]| {
            let program = schedule(self.arena(), entries.iter().copied(), &Default::default(), None);
            let mut lets = TokenStream::new();
            writer.lets(&program, &BTreeMap::new(), names, &mut lets);
            let values = entries.iter().map(|&e| writer.value(e));
            (lets, quote! { [#(#values),*] })
        };
        for (p, Exponential { matrix, result, .. }) in self.derived.propagators.iter().zip(exponentials) {
            let (states, count) = (index(p.states), index(p.entries.len()));
            let (lets, entries) = array(writer, &p.entries);
            let function = match p.function {
                MatrixFunction::Propagator => quote! { propagator },
                MatrixFunction::NoiseFactor => quote! { noise_factor },
            };
            lines.extend(quote! {
                #lets
                let #matrix: [f64; #count] = #entries;
                let mut #result = [0.0; #count];
                #runtime::#function(#states, &#matrix, &mut #result);
            });
        }
        if gradients.is_empty() {
            return lines;
        }
        for (p, Exponential { matrix, adjoint, .. }) in self.derived.propagators.iter().zip(exponentials) {
            let (states, count) = (index(p.states), index(p.entries.len()));
            let own = gradients.get(p.first as usize..).and_then(|g| g.get(..p.entries.len())).unwrap_or_default();
            let (lets, entries) = array(writer, own);
            let function = match p.function {
                MatrixFunction::Propagator => quote! { propagator_adjoint },
                MatrixFunction::NoiseFactor => quote! { noise_factor_adjoint },
            };
            lines.extend(quote! {
                #lets
                let mut #adjoint: [f64; #count] = [0.0; #count];
                #runtime::#function(#states, &#matrix, &#entries, &mut #adjoint);
            });
        }
        lines
    }

    fn reads(&self, roots: &[ExprId], parameter: usize) -> bool {
        roots.iter().any(|&root| self.arena().depends_on(root, Leaf::Parameter(parameter as u16)))
    }

    /// What leaves are called: a parameter is a local if it is computed from a stored number, else a field.
    fn f64_names(
        &self,
        locals: &BTreeMap<usize, Ident>,
        exponentials: &[Exponential],
        roots: impl Iterator<Item = ExprId>,
    ) -> IdMap<Name> {
        let entry = |k: u32, array: fn(&Exponential) -> &Ident| {
            let inside = |p: &&Propagator| (p.first..p.first + p.entries.len() as u32).contains(&k);
            let (p, names) = self.derived.propagators.iter().zip(exponentials).find(|(p, _)| inside(p))?;
            let (array, place) = (array(names), index((k - p.first) as usize));
            Some(Name::Place(quote! { #array[#place] }))
        };
        let name = |leaf: Leaf| match leaf {
            Leaf::Propagator(k) => entry(k, |e| &e.result),
            Leaf::PropagatorAdjoint(k) => entry(k, |e| &e.adjoint),
            Leaf::Parameter(i) => match locals.get(&usize::from(i)) {
                Some(local) => Some(Name::Local(local.clone())),
                None => self.fields.get(usize::from(i)).map(|field| Name::Place(quote! { self.#field })),
            },
            Leaf::Stored(k) => {
                let k = index(usize::from(k));
                Some(Name::Place(quote! { parameters[#k] }))
            }
            Leaf::OutputAdjoint(j) => {
                let j = index(j as usize);
                Some(Name::Place(quote! { coefficient_gradient[#j] }))
            }
            Leaf::Dt => Some(Name::Local(format_ident!("dt"))),
            _ => None,
        };
        let mut known = IdMap::default();
        for id in self.arena().reachable(roots) {
            if let Node::Leaf(leaf) = self.arena().node(id)
                && let Some(name) = name(leaf)
            {
                known.insert(id, name);
            }
        }
        known
    }

    pub(super) fn refractory_steps(&self) -> TokenStream {
        let runtime = self.runtime;
        let Some(refractory) = &self.model.refractory else {
            return quote! { fn refractory_steps(&self, _dt: f64) -> u32 { 0 } };
        };
        let Computed { lines, values } = self.computed(&[refractory.duration], &[]);
        quote! {
            fn refractory_steps(&self, dt: f64) -> u32 {
                #lines
                #runtime::neuron::whole_steps(#(#values)*, dt)
            }
        }
    }

    pub(super) fn coefficients(&self) -> TokenStream {
        let derived = &self.derived;
        let roots: Vec<ExprId> = derived.coefficients.iter().map(|c| c.value).collect();
        let Computed { lines, values } = self.computed(&roots, &[]);
        let stores = values.iter().enumerate().map(|(i, value)| {
            let i = index(i);
            quote! { coefficients[#i] = #value; }
        });
        let name = |id| self.parameter_text(id);
        let mut short = self.arena().abbreviations(&roots, &name);
        let mut text = crate::explain::propagator_lines(self.model, derived);
        for c in &derived.coefficients {
            text.extend(short.before(self.arena(), c.value, &name));
            text.push(format!("{} = {}", c.name, short.show(self.arena(), c.value, &name)));
        }
        let docs = doc_lines(&text_block(text).collect::<Vec<_>>());
        let body = quote! { #lines #(#stores)* };
        let mentions = Mentions::of(&body);
        let [dt, parameters, coefficients] = ["dt", "parameters", "coefficients"].map(|name| if_used(name, &mentions));
        quote! {
            #docs
            fn coefficients(&self, #dt: f64, #parameters: &[f64], #coefficients: &mut [f64]) { #body }
        }
    }

    fn parameter_text(&self, id: ExprId) -> Option<String> {
        match self.arena().node(id) {
            Node::Leaf(Leaf::Parameter(i)) => {
                self.model.parameters.get(usize::from(i)).map(|p| p.quantity.name.clone())
            }
            Node::Leaf(Leaf::Propagator(k)) => Some(crate::explain::propagator_entry(&self.derived, k, "")),
            _ => None,
        }
    }

    pub(super) fn chain(&self) -> TokenStream {
        let gradients = &self.derived.chain.gradients;
        let roots: Vec<ExprId> = gradients.iter().map(|g| g.1).collect();
        let Computed { lines, values } = self.computed(&roots, &self.derived.chain.propagators);
        let stores = gradients.iter().zip(values).map(|((k, _), value)| {
            let k = index(*k);
            quote! { gradient[#k] += #value; }
        });
        let body = quote! { #lines #(#stores)* };
        let mentions = Mentions::of(&body);
        let [dt, parameters, coefficient_gradient, gradient] =
            ["dt", "parameters", "coefficient_gradient", "gradient"].map(|name| if_used(name, &mentions));
        quote! {
            fn chain(
                &self,
                #dt: f64,
                #parameters: &[f64],
                #coefficient_gradient: &[f64],
                #gradient: &mut [f64],
            ) { #body }
        }
    }
}

/// The name of an argument, with an underscore in front if the body does not read it.
fn if_used(name: &str, body: &Mentions) -> Ident {
    let ident = format_ident!("{name}");
    if body.contain(&ident) { ident } else { format_ident!("_{name}") }
}
