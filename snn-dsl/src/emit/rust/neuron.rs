//! A neuron model as a `Kernel`: its parameters as a struct, its coefficients, its step and the reverse of its step.

use super::expression::{Scalar, Writer, number_literal};
use super::names::{ident, index, snake, type_ident};
use crate::derive::{Derived, Transform};
use crate::expr::{Arena, ExprId, Leaf};
use crate::model::{Neuron, Value};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use std::collections::BTreeMap;

/// The code of one neuron model.
pub(super) fn neuron(model: &Neuron, derived: &Derived, runtime: &TokenStream) -> TokenStream {
    let emit = Emit { model, derived, runtime };
    let (structure, layout) = (emit.structure(), emit.layout());
    let (refractory, coefficients, chain) = (emit.refractory_steps(), emit.coefficients(), emit.chain());
    let (step, adjoint) = (emit.step(), emit.adjoint());
    let (step_rows, adjoint_rows, attributes) = (emit.step_rows(), emit.adjoint_rows(), allow());
    let name = type_ident(&model.name);
    let (step_call, adjoint_call) = (emit.step_call(), emit.adjoint_call());
    quote! {
        #structure

        #attributes
        impl #runtime::Kernel for #name {
            #layout
            #refractory
            #coefficients
            #chain
            #step_call
            #adjoint_call
        }

        #step_rows
        #step
        #adjoint_rows
        #adjoint
    }
}

struct Emit<'a> {
    model: &'a Neuron,
    derived: &'a Derived,
    runtime: &'a TokenStream,
}

impl Emit<'_> {
    fn arena(&self) -> &Arena {
        &self.derived.arena
    }

    fn is_stored(&self, parameter: usize) -> bool {
        self.derived.stored.iter().any(|s| s.parameter == parameter)
    }

    /// The parameters, in base units.
    fn structure(&self) -> TokenStream {
        let runtime = self.runtime;
        let name = type_ident(&self.model.name);
        let mut docs = self.model.docs.clone();
        docs.push(String::new());
        docs.push("```text".into());
        docs.extend(self.model.states.iter().map(|s| s.text.clone()));
        docs.extend(self.model.spike.iter().map(|s| s.text.clone()));
        docs.push("```".into());
        let docs = doc_lines(&docs);
        let mut fields = Vec::new();
        let mut defaults = Vec::new();
        for (i, parameter) in self.model.parameters.iter().enumerate() {
            let field = ident(&parameter.quantity.name);
            let unit = parameter.quantity.dimension.base_unit();
            let mut lines = parameter.quantity.docs.clone();
            if lines.is_empty() {
                lines.push(format!("The parameter `{}`", parameter.quantity.name));
            }
            if let Some(last) = lines.last_mut() {
                last.push_str(&if unit.is_empty() { " (dimensionless).".into() } else { format!(" ({unit}).") });
            }
            let lines = doc_lines(&lines);
            let start = parameter_start(parameter.value, runtime);
            if self.is_stored(i) {
                fields.push(quote! { #lines pub #field: #runtime::ParameterStart });
                defaults.push(quote! { #field: #start });
            } else {
                let value = match parameter.value {
                    Value::Constant(value) => number_literal(value),
                    _ => number_literal(0.0),
                };
                fields.push(quote! { #lines pub #field: f64 });
                defaults.push(quote! { #field: #value });
            }
        }
        let attributes = allow();
        quote! {
            #docs
            #attributes
            #[derive(Clone, Debug, PartialEq)]
            pub struct #name { #(#fields,)* }

            #attributes
            impl ::core::default::Default for #name {
                fn default() -> Self { Self { #(#defaults,)* } }
            }
        }
    }

    fn layout(&self) -> TokenStream {
        let runtime = self.runtime;
        let quantity = |name: &str, unit: String| {
            quote! { #runtime::Quantity { name: #name.into(), unit: #unit.into() } }
        };
        let of = |list: &[crate::model::Quantity]| -> Vec<TokenStream> {
            list.iter().map(|q| quantity(&q.name, q.dimension.base_unit())).collect()
        };
        let states: Vec<TokenStream> =
            self.model.states.iter().map(|s| quantity(&s.quantity.name, s.quantity.dimension.base_unit())).collect();
        let (events, drives) = (of(&self.model.events), of(&self.model.drives));
        let parameters: Vec<TokenStream> = self
            .derived
            .stored
            .iter()
            .filter_map(|s| {
                let parameter = self.model.parameters.get(s.parameter)?;
                let name = &parameter.quantity.name;
                let field = ident(name);
                let transform = transform(Transform::of(parameter), runtime);
                let unit = match Transform::of(parameter) {
                    Transform::Raw => parameter.quantity.dimension.base_unit(),
                    _ => String::new(),
                };
                let (per_neuron, trainable) = (s.per_neuron, s.trainable);
                Some(quote! {
                    #runtime::StoredParameter {
                        name: #name.into(),
                        unit: #unit.into(),
                        per_neuron: #per_neuron,
                        trainable: #trainable,
                        transform: #transform,
                        start: self.#field.clone(),
                    }
                })
            })
            .collect();
        let name = &self.model.name;
        let derived = self.derived;
        let count = index(derived.coefficients.len());
        let initial = derived.initial.iter().map(|&k| index(k));
        let differentiated = derived.differentiated.iter().map(|&k| index(k));
        let tape_reals = index(derived.tape.reals.len());
        let tape_flags = !derived.tape.flags.is_empty();
        let spikes = derived.step.threshold.is_some();
        let reads_spikes = derived.tape.reads_spikes;
        let refractory = self.model.refractory.is_some();
        quote! {
            fn layout(&self) -> #runtime::NeuronLayout {
                #runtime::NeuronLayout {
                    name: #name.into(),
                    states: vec![#(#states),*],
                    events: vec![#(#events),*],
                    drives: vec![#(#drives),*],
                    parameters: vec![#(#parameters),*],
                    coefficients: #count,
                    initial: vec![#(#initial),*],
                    differentiated: vec![#(#differentiated),*],
                    tape_reals: #tape_reals,
                    tape_flags: #tape_flags,
                    spikes: #spikes,
                    adjoint_reads_spikes: #reads_spikes,
                    refractory: #refractory,
                    decisions: 0,
                }
            }
        }
    }

    /// The names of parameters (as fields or as computed from stored numbers) in code over f64.
    fn parameter_names(&self) -> BTreeMap<ExprId, TokenStream> {
        let mut known = BTreeMap::new();
        for id in self.arena().reachable(self.f64_roots()) {
            if let crate::expr::Node::Leaf(leaf) = self.arena().node(id) {
                let name = match leaf {
                    Leaf::Parameter(i) => match self.model.parameters.get(usize::from(i)) {
                        Some(p) => {
                            let field = ident(&p.quantity.name);
                            if self.is_stored(usize::from(i)) {
                                quote! { #field }
                            } else {
                                quote! { self.#field }
                            }
                        }
                        None => continue,
                    },
                    Leaf::Stored(k) => {
                        let k = index(usize::from(k));
                        quote! { parameters[#k] }
                    }
                    Leaf::OutputAdjoint(j) => {
                        let j = index(usize::from(j));
                        quote! { coefficient_gradient[#j] }
                    }
                    Leaf::Dt => quote! { dt },
                    _ => continue,
                };
                known.insert(id, name);
            }
        }
        known
    }

    fn f64_roots(&self) -> Vec<ExprId> {
        let derived = self.derived;
        let duration = self.model.refractory.iter().map(|r| r.duration);
        derived
            .coefficients
            .iter()
            .map(|c| c.value)
            .chain(derived.stored.iter().map(|s| s.value))
            .chain(derived.chain.gradients.iter().map(|g| g.1))
            .chain(duration)
            .collect()
    }

    /// `let tau = ...;` for each stored parameter that some root reads.
    fn stored_lets(&self, writer: &Writer, roots: &[ExprId]) -> TokenStream {
        let mut lines = TokenStream::new();
        for stored in &self.derived.stored {
            let leaf = Leaf::Parameter(stored.parameter as u16);
            if roots.iter().any(|&r| self.arena().depends_on(r, leaf))
                && let Some(parameter) = self.model.parameters.get(stored.parameter)
            {
                let name = ident(&parameter.quantity.name);
                let value = writer.value(stored.value);
                lines.extend(quote! { let #name = #value; });
            }
        }
        lines
    }

    fn refractory_steps(&self) -> TokenStream {
        match &self.model.refractory {
            None => quote! {
                fn refractory_steps(&self, _dt: f64) -> u32 { 0 }
            },
            Some(refractory) => {
                let writer = Writer::new(self.arena(), self.runtime, Scalar::F64, self.parameter_names(), None);
                let duration = writer.value(refractory.duration);
                let runtime = self.runtime;
                quote! {
                    fn refractory_steps(&self, dt: f64) -> u32 { #runtime::neuron::whole_steps(#duration, dt) }
                }
            }
        }
    }

    fn coefficients(&self) -> TokenStream {
        let derived = self.derived;
        let roots: Vec<ExprId> = derived.coefficients.iter().map(|c| c.value).collect();
        let mut writer = Writer::new(self.arena(), self.runtime, Scalar::F64, self.parameter_names(), None);
        let stored = self.stored_lets(&writer, &roots);
        let program = crate::derive::schedule(self.arena(), roots, &Default::default(), None);
        let lets = writer.lets(&program, &BTreeMap::new());
        let lines = derived.coefficients.iter().enumerate().map(|(i, c)| {
            let (i, value) = (index(i), writer.value(c.value));
            quote! { coefficients[#i] = #value; }
        });
        let text: Vec<String> = std::iter::once("```text".to_string())
            .chain(
                derived
                    .coefficients
                    .iter()
                    .map(|c| format!("{} = {}", c.name, self.arena().show(c.value, &|id| self.parameter_text(id)))),
            )
            .chain(["```".to_string()])
            .collect();
        let docs = doc_lines(&text);
        let parameters =
            if derived.stored.is_empty() { format_ident!("_parameters") } else { format_ident!("parameters") };
        let dt = if derived.coefficients.iter().any(|c| self.arena().depends_on(c.value, Leaf::Dt)) {
            format_ident!("dt")
        } else {
            format_ident!("_dt")
        };
        quote! {
            #docs
            fn coefficients(&self, #dt: f64, #parameters: &[f64], coefficients: &mut [f64]) {
                #stored
                #lets
                #(#lines)*
            }
        }
    }

    fn parameter_text(&self, id: ExprId) -> Option<String> {
        match self.arena().node(id) {
            crate::expr::Node::Leaf(Leaf::Parameter(i)) => {
                self.model.parameters.get(usize::from(i)).map(|p| p.quantity.name.clone())
            }
            _ => None,
        }
    }

    fn chain(&self) -> TokenStream {
        let gradients = &self.derived.chain.gradients;
        if gradients.is_empty() {
            return quote! {
                fn chain(&self, _dt: f64, _parameters: &[f64], _coefficient_gradient: &[f64], _gradient: &mut [f64]) {}
            };
        }
        let roots: Vec<ExprId> = gradients.iter().map(|g| g.1).collect();
        let mut writer = Writer::new(self.arena(), self.runtime, Scalar::F64, self.parameter_names(), None);
        let stored = self.stored_lets(&writer, &roots);
        let dt = if roots.iter().any(|&r| self.arena().depends_on(r, Leaf::Dt)) {
            format_ident!("dt")
        } else {
            format_ident!("_dt")
        };
        let program = crate::derive::schedule(self.arena(), roots, &Default::default(), None);
        let lets = writer.lets(&program, &BTreeMap::new());
        let lines = gradients.iter().map(|(k, id)| {
            let (k, value) = (index(*k), writer.value(*id));
            quote! { gradient[#k] += #value; }
        });
        quote! {
            fn chain(&self, #dt: f64, parameters: &[f64], coefficient_gradient: &[f64], gradient: &mut [f64]) {
                #stored
                #lets
                #(#lines)*
            }
        }
    }

    fn state_rows(&self) -> Vec<proc_macro2::Ident> {
        self.model.states.iter().map(|s| format_ident!("{}_all", s.quantity.name)).collect()
    }

    fn port_rows(&self, ports: &[crate::model::Quantity]) -> Vec<proc_macro2::Ident> {
        ports.iter().map(|p| format_ident!("{}_all", p.name)).collect()
    }

    /// `kept_V_new` for the tape's numbers.
    fn tape_rows(&self) -> Vec<proc_macro2::Ident> {
        (0..self.derived.tape.reals.len()).map(|k| format_ident!("tape_{k}")).collect()
    }

    /// One call for equal and one for differing coefficients, with and without an optional output.
    fn variants(&self, function: &proc_macro2::Ident, argument: &str, flag: Option<TokenStream>) -> TokenStream {
        let runtime = self.runtime;
        let argument = format_ident!("{argument}");
        let count = index(self.derived.coefficients.len());
        let call = |each: bool, on: bool| {
            let coefficients = if each {
                quote! { #runtime::kernel::Each::<R, #count>::new(#argument.coefficients.values, #argument.n) }
            } else {
                quote! { #runtime::kernel::Same::<R, #count>::new(#argument.coefficients.values) }
            };
            quote! { #function::<R, _, #on>(#coefficients, #argument) }
        };
        let by_flag = |each: bool| match &flag {
            None => call(each, false),
            Some(flag) => {
                let (on, off) = (call(each, true), call(each, false));
                quote! { if #flag { #on } else { #off } }
            }
        };
        let (each, same) = (by_flag(true), by_flag(false));
        quote! { if #argument.coefficients.per_neuron { #each } else { #same } }
    }

    fn step_call(&self) -> TokenStream {
        let runtime = self.runtime;
        let function = format_ident!("{}_step_rows", snake(&self.model.name));
        let keeps = !(self.derived.tape.reals.is_empty() && self.derived.tape.flags.is_empty());
        let flag = keeps.then(|| quote! { !(step.tape.is_empty() && step.tape_flags.is_empty()) });
        let body = self.variants(&function, "step", flag);
        quote! {
            #[inline(always)]
            fn step<R: #runtime::Real>(step: #runtime::Step<'_, R>) { #body }
        }
    }

    /// Cuts the arguments of a step into rows.
    fn step_rows(&self) -> TokenStream {
        let runtime = self.runtime;
        let (outer, inner) =
            (format_ident!("{}_step_rows", snake(&self.model.name)), format_ident!("{}_step", snake(&self.model.name)));
        let (states, events, drives) =
            (self.state_rows(), self.port_rows(&self.model.events), self.port_rows(&self.model.drives));
        let tape = self.tape_rows();
        let count = quote! { step.n };
        let kept = quote! { if TAPE { step.n } else { 0 } };
        let splits = [
            rows(&states, true, quote! { step.states }, &count, runtime),
            rows(&events, false, quote! { step.events }, &count, runtime),
            rows(&drives, false, quote! { step.drives }, &count, runtime),
            rows(&tape, true, quote! { step.tape }, &kept, runtime),
        ];
        let extra = self.step_extra(|name| quote! { step.#name });
        let attributes = allow();
        quote! {
            #attributes
            #[inline(always)]
            fn #outer<R: #runtime::Real, C: #runtime::kernel::CoefficientRows<R>, const TAPE: bool>(
                coefficient: C,
                step: #runtime::Step<'_, R>,
            ) {
                #(#splits)*
                #inner::<R, C, TAPE>(coefficient, step.n, #(#states,)* #(#events,)* #(#drives,)* #(#tape,)* #(#extra,)*);
            }
        }
    }

    /// The arguments of a step that only some models have.
    fn step_extra(&self, of: impl Fn(proc_macro2::Ident) -> TokenStream) -> Vec<TokenStream> {
        let mut list = Vec::new();
        if self.derived.step.threshold.is_some() {
            list.push(of(format_ident!("spikes")));
        }
        if self.model.refractory.is_some() {
            list.push(of(format_ident!("refractory")));
            list.push(of(format_ident!("refractory_steps")));
        }
        if !self.derived.tape.flags.is_empty() {
            list.push(of(format_ident!("tape_flags")));
        }
        list
    }

    /// Names of the leaves of step and reverse inside the loop.
    fn leaf_names(&self) -> BTreeMap<ExprId, TokenStream> {
        let mut known = BTreeMap::new();
        let derived = self.derived;
        let roots: Vec<ExprId> =
            derived.step.results().chain(derived.tape.stored()).chain(derived.reverse.results()).collect();
        for id in self.arena().reachable(roots) {
            let crate::expr::Node::Leaf(leaf) = self.arena().node(id) else { continue };
            let name = match leaf {
                Leaf::State(i) => self.model.states.get(usize::from(i)).map(|s| ident(&s.quantity.name)),
                Leaf::Event(i) => self.model.events.get(usize::from(i)).map(|q| ident(&q.name)),
                Leaf::Drive(i) => self.model.drives.get(usize::from(i)).map(|q| ident(&q.name)),
                Leaf::Coefficient(i) => derived.coefficients.get(usize::from(i)).map(|c| format_ident!("c_{}", c.name)),
                Leaf::StateAdjoint(i) => {
                    self.model.states.get(usize::from(i)).map(|s| format_ident!("{}_bar", s.quantity.name))
                }
                Leaf::SpikeAdjoint => Some(format_ident!("spike_bar")),
                Leaf::Refractory => Some(format_ident!("is_refractory")),
                _ => None,
            };
            if let Some(name) = name {
                known.insert(id, quote! { #name });
            }
        }
        known
    }

    /// `let c_decay_V = coefficient.at(0, cell);` for the coefficients that a program reads.
    fn coefficient_lets(&self, program: &crate::derive::Program) -> TokenStream {
        let leaves = super::expression::leaves_of(self.arena(), program);
        let mut lines = TokenStream::new();
        for (i, coefficient) in self.derived.coefficients.iter().enumerate() {
            if leaves.contains(&Leaf::Coefficient(i as u16)) {
                let (i, name) = (index(i), format_ident!("c_{}", coefficient.name));
                lines.extend(quote! { let #name = coefficient.at(#i, cell); });
            }
        }
        lines
    }

    fn step(&self) -> TokenStream {
        let runtime = self.runtime;
        let derived = self.derived;
        let function = format_ident!("{}_step", snake(&self.model.name));
        let states = self.state_rows();
        let (events, drives) = (self.port_rows(&self.model.events), self.port_rows(&self.model.drives));
        let tape = self.tape_rows();
        let program = derived.step_program(true);
        let leaves = super::expression::leaves_of(self.arena(), &program);
        let fires = derived.step.threshold.map(|t| t.fires);
        let mut writer = Writer::new(self.arena(), runtime, Scalar::Generic, self.leaf_names(), fires);
        let mut loads = self.coefficient_lets(&program);
        for (i, (row, state)) in states.iter().zip(&self.model.states).enumerate() {
            if leaves.contains(&Leaf::State(i as u16)) {
                let name = ident(&state.quantity.name);
                loads.extend(quote! { let #name = #row[cell]; });
            }
        }
        let ports = events.iter().zip(&self.model.events).enumerate().map(|(i, (r, p))| (r, p, Leaf::Event(i as u16)));
        let drive_ports =
            drives.iter().zip(&self.model.drives).enumerate().map(|(i, (r, p))| (r, p, Leaf::Drive(i as u16)));
        for (row, port, leaf) in ports.chain(drive_ports) {
            if leaves.contains(&leaf) {
                let name = ident(&port.name);
                loads.extend(quote! { let #name = #row[cell]; });
            }
        }
        let refractory = self.model.refractory.is_some();
        if refractory {
            loads.extend(quote! { let is_refractory = refractory[cell] > 0; });
        }
        let lets = writer.lets(&program, &derived.step.names);
        let mut stores = TokenStream::new();
        for (row, &end) in states.iter().zip(&derived.step.end) {
            let value = writer.value(end);
            stores.extend(quote! { #row[cell] = #runtime::math::flush(#value); });
        }
        if let Some(threshold) = derived.step.threshold {
            let z = writer.value(threshold.z);
            stores.extend(quote! { spikes[cell] = #z; });
            if refractory {
                let fires = writer.value(threshold.fires);
                stores.extend(quote! {
                    refractory[cell] = if #fires { refractory_steps } else { refractory[cell].saturating_sub(1) };
                });
            }
        }
        let mut keep = TokenStream::new();
        for (row, &id) in tape.iter().zip(&derived.tape.reals) {
            let value = writer.value(id);
            keep.extend(if self.arena().is_truth(id) {
                quote! { #row[cell] = if #value { R::ONE } else { R::ZERO }; }
            } else {
                quote! { #row[cell] = #value; }
            });
        }
        if !derived.tape.flags.is_empty() {
            let bits = derived.tape.flags.iter().enumerate().map(|(k, &id)| {
                let (shift, value) = (index(k), writer.value(id));
                if k == 0 {
                    quote! { u8::from(#value) }
                } else {
                    quote! { u8::from(#value) << #shift }
                }
            });
            keep.extend(quote! { tape_flags[cell] = #(#bits)|*; });
        }
        let keep = (!keep.is_empty()).then(|| quote! { if TAPE { #keep } });
        let mut equal = TokenStream::new();
        if derived.step.threshold.is_some() {
            equal.extend(quote! { let spikes = &mut spikes[..count]; });
        }
        if refractory {
            equal.extend(quote! { let refractory = &mut refractory[..count]; });
        }
        if !derived.tape.flags.is_empty() {
            equal.extend(quote! { let tape_flags = &mut tape_flags[..if TAPE { count } else { 0 }]; });
        }
        let extra = self.step_extra(|name| match name.to_string().as_str() {
            "refractory" => quote! { #name: &mut [u32] },
            "refractory_steps" => quote! { #name: u32 },
            "tape_flags" => quote! { #name: &mut [u8] },
            _ => quote! { #name: &mut [R] },
        });
        let mut text = vec!["One step of all neurons:".to_string(), String::new(), "```text".into()];
        text.extend(crate::explain::update_lines(self.model, derived));
        text.push("```".into());
        let (docs, attributes) = (doc_lines(&text), allow());
        quote! {
            #docs
            #attributes
            #[inline(always)]
            fn #function<R: #runtime::Real, C: #runtime::kernel::CoefficientRows<R>, const TAPE: bool>(
                coefficient: C,
                count: usize,
                #(#states: &mut [R],)*
                #(#events: &[R],)*
                #(#drives: &[R],)*
                #(#tape: &mut [R],)*
                #(#extra,)*
            ) {
                #equal
                for cell in 0..count {
                    #loads
                    #lets
                    #keep
                    #stores
                }
            }
        }
    }

    fn adjoint_call(&self) -> TokenStream {
        let runtime = self.runtime;
        let function = format_ident!("{}_adjoint_rows", snake(&self.model.name));
        let flag = (!self.model.drives.is_empty()).then(|| quote! { !adjoint.drive_gradient.is_empty() });
        let body = self.variants(&function, "adjoint", flag);
        quote! {
            #[inline(always)]
            fn adjoint<R: #runtime::Real>(adjoint: #runtime::Adjoint<'_, R>) { #body }
        }
    }

    /// Cuts the arguments of the reverse of a step into rows.
    fn adjoint_rows(&self) -> TokenStream {
        let runtime = self.runtime;
        let (outer, inner) = (
            format_ident!("{}_adjoint_rows", snake(&self.model.name)),
            format_ident!("{}_adjoint", snake(&self.model.name)),
        );
        let (states, events, drives) =
            (self.state_rows(), self.port_rows(&self.model.events), self.port_rows(&self.model.drives));
        let (tape, gradients) = (self.tape_rows(), self.gradient_rows());
        let count = quote! { adjoint.n };
        let wanted = quote! { if DRIVES { adjoint.n } else { 0 } };
        let splits = [
            rows(&states, true, quote! { adjoint.state_gradient }, &count, runtime),
            rows(&events, true, quote! { adjoint.event_gradient }, &count, runtime),
            rows(&drives, true, quote! { adjoint.drive_gradient }, &wanted, runtime),
            rows(&tape, false, quote! { adjoint.tape }, &count, runtime),
            rows(&gradients, true, quote! { adjoint.coefficient_gradient }, &count, runtime),
        ];
        let extra = self.adjoint_extra(|name| quote! { adjoint.#name });
        let attributes = allow();
        quote! {
            #attributes
            #[inline(always)]
            fn #outer<R: #runtime::Real, C: #runtime::kernel::CoefficientRows<R>, const DRIVES: bool>(
                coefficient: C,
                adjoint: #runtime::Adjoint<'_, R>,
            ) {
                #(#splits)*
                #inner::<R, C, DRIVES>(
                    coefficient, adjoint.n,
                    #(#states,)* #(#events,)* #(#drives,)* #(#tape,)* #(#gradients,)* #(#extra,)*
                );
            }
        }
    }

    /// The arguments of the reverse that only some models have.
    fn adjoint_extra(&self, of: impl Fn(proc_macro2::Ident) -> TokenStream) -> Vec<TokenStream> {
        let leaves = super::expression::leaves_of(self.arena(), &self.derived.reverse_program());
        let mut list = Vec::new();
        if leaves.contains(&Leaf::SpikeAdjoint) {
            list.push(of(format_ident!("spike_gradient")));
        }
        if self.derived.tape.reads_spikes {
            list.push(of(format_ident!("spikes")));
        }
        if !self.derived.tape.flags.is_empty() {
            list.push(of(format_ident!("tape_flags")));
        }
        list
    }

    fn gradient_rows(&self) -> Vec<proc_macro2::Ident> {
        let derived = self.derived;
        derived
            .differentiated
            .iter()
            .filter_map(|&c| derived.coefficients.get(c))
            .map(|c| format_ident!("gradient_{}", c.name))
            .collect()
    }

    fn adjoint(&self) -> TokenStream {
        let runtime = self.runtime;
        let derived = self.derived;
        let arena = self.arena();
        let function = format_ident!("{}_adjoint", snake(&self.model.name));
        let states = self.state_rows();
        let (events, drives) = (self.port_rows(&self.model.events), self.port_rows(&self.model.drives));
        let (tape, gradients) = (self.tape_rows(), self.gradient_rows());
        let program = derived.reverse_program();
        let leaves = super::expression::leaves_of(arena, &program);
        let mut known = self.leaf_names();
        let mut loads = self.coefficient_lets(&program);
        for (row, (i, state)) in states.iter().zip(self.model.states.iter().enumerate()) {
            if leaves.contains(&Leaf::StateAdjoint(i as u16)) {
                let name = format_ident!("{}_bar", state.quantity.name);
                loads.extend(quote! { let #name = #row[cell]; });
            }
        }
        if leaves.contains(&Leaf::SpikeAdjoint) {
            loads.extend(quote! { let spike_bar = spike_gradient[cell]; });
        }
        for (k, (row, &id)) in tape.iter().zip(&derived.tape.reals).enumerate() {
            let name = match derived.step.names.get(&id) {
                Some(name) => ident(name),
                None => format_ident!("kept_{k}"),
            };
            loads.extend(if arena.is_truth(id) {
                quote! { let #name = #row[cell] != R::ZERO; }
            } else {
                quote! { let #name = #row[cell]; }
            });
            known.insert(id, quote! { #name });
        }
        for (k, &id) in derived.tape.flags.iter().enumerate() {
            let (k, name) = (index(k), format_ident!("flag_{k}"));
            loads.extend(quote! { let #name = tape_flags[cell] & (1 << #k) != 0; });
            known.insert(id, quote! { #name });
        }
        if let Some(threshold) = derived.step.threshold
            && derived.tape.reads_spikes
        {
            loads.extend(quote! { let z = spikes[cell]; });
            known.insert(threshold.z, quote! { z });
        }
        let mut writer = Writer::new(arena, runtime, Scalar::Generic, known, None);
        let mut names = derived.step.names.clone();
        names.extend(derived.reverse.names.iter().map(|(id, name)| (*id, name.clone())));
        let lets = writer.lets(&program, &names);
        let mut stores = TokenStream::new();
        for (row, &id) in events.iter().zip(&derived.reverse.events) {
            let value = writer.value(id);
            stores.extend(quote! { #row[cell] = #runtime::math::flush(#value); });
        }
        for (row, &id) in gradients.iter().zip(&derived.reverse.coefficients) {
            let value = writer.value(id);
            stores.extend(quote! { #row[cell] += #value; });
        }
        if !drives.is_empty() {
            let lines = drives.iter().zip(&derived.reverse.drives).map(|(row, &id)| {
                let value = writer.value(id);
                quote! { #row[cell] = #runtime::math::flush(#value); }
            });
            stores.extend(quote! { if DRIVES { #(#lines)* } });
        }
        for (row, &id) in states.iter().zip(&derived.reverse.states) {
            let value = writer.value(id);
            stores.extend(quote! { #row[cell] = #runtime::math::flush(#value); });
        }
        let mut equal = TokenStream::new();
        for name in self.adjoint_extra(|name| quote! { #name }) {
            equal.extend(quote! { let #name = &#name[..count]; });
        }
        let extra = self.adjoint_extra(|name| match name.to_string().as_str() {
            "tape_flags" => quote! { #name: &[u8] },
            _ => quote! { #name: &[R] },
        });
        let mut text =
            vec!["The reverse of one step of all neurons (`q_bar` is the derivative of the loss by q):".to_string()];
        text.extend([String::new(), "```text".into()]);
        text.extend(crate::explain::adjoint_lines(self.model, derived));
        text.push("```".into());
        let (docs, attributes) = (doc_lines(&text), allow());
        quote! {
            #docs
            #attributes
            #[inline(always)]
            fn #function<R: #runtime::Real, C: #runtime::kernel::CoefficientRows<R>, const DRIVES: bool>(
                coefficient: C,
                count: usize,
                #(#states: &mut [R],)*
                #(#events: &mut [R],)*
                #(#drives: &mut [R],)*
                #(#tape: &[R],)*
                #(#gradients: &mut [R],)*
                #(#extra,)*
            ) {
                #equal
                for cell in 0..count {
                    #loads
                    #lets
                    #stores
                }
            }
        }
    }
}

/// `let [a, b] = rows(from, count);`
fn rows(
    names: &[proc_macro2::Ident],
    writes: bool,
    from: TokenStream,
    count: &TokenStream,
    runtime: &TokenStream,
) -> TokenStream {
    if names.is_empty() {
        return TokenStream::new();
    }
    let function = if writes { format_ident!("rows_mut") } else { format_ident!("rows") };
    quote! { let [#(#names),*] = #runtime::kernel::#function(#from, #count); }
}

/// What lints would say of names taken over from equations and of loops over several rows.
pub(super) fn allow() -> TokenStream {
    quote! {
        #[allow(
            non_snake_case,
            non_camel_case_types,
            clippy::approx_constant,
            clippy::too_many_arguments,
            clippy::needless_range_loop
        )]
    }
}

fn parameter_start(value: Value, runtime: &TokenStream) -> TokenStream {
    match value {
        Value::Constant(value) => {
            let value = number_literal(value);
            quote! { #runtime::ParameterStart::Value(#value) }
        }
        Value::Uniform { low, high } => {
            let (low, high) = (number_literal(low), number_literal(high));
            quote! { #runtime::ParameterStart::Uniform { low: #low, high: #high } }
        }
        Value::Normal { mean, sd } => {
            let (mean, sd) = (number_literal(mean), number_literal(sd));
            quote! { #runtime::ParameterStart::Normal { mean: #mean, sd: #sd } }
        }
        Value::LogUniform { low, high } => {
            let (low, high) = (number_literal(low), number_literal(high));
            quote! { #runtime::ParameterStart::LogUniform { low: #low, high: #high } }
        }
    }
}

/// The value of a parameter of a layer: a number for a constant of the kernel, a start for a stored parameter.
pub(super) fn parameter_value(derived: &Derived, index: usize, value: Value, runtime: &TokenStream) -> TokenStream {
    match value {
        Value::Constant(value) if !derived.stored.iter().any(|s| s.parameter == index) => number_literal(value),
        value => parameter_start(value, runtime),
    }
}

fn transform(transform: Transform, runtime: &TokenStream) -> TokenStream {
    match transform {
        Transform::Raw => quote! { #runtime::Transform::Raw },
        Transform::Logit(low, high) => {
            let (low, high) = (number_literal(low), number_literal(high));
            quote! { #runtime::Transform::Logit { low: #low, high: #high } }
        }
        Transform::Above(low) => {
            let low = number_literal(low);
            quote! { #runtime::Transform::Above { low: #low } }
        }
        Transform::Below(high) => {
            let high = number_literal(high);
            quote! { #runtime::Transform::Below { high: #high } }
        }
    }
}

/// `///` lines as attributes.
pub(super) fn doc_lines(lines: &[String]) -> TokenStream {
    let lines = lines.iter().map(|line| {
        let line = if line.is_empty() { String::new() } else { format!(" {line}") };
        quote! { #[doc = #line] }
    });
    quote! { #(#lines)* }
}
