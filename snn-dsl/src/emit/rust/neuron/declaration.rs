//! The parameters of a model as a struct, and its layout.

use super::{Emit, allow, doc_lines, text_block};
use crate::derive::{ErrorFilter, FilterEntry, Transform};
use crate::emit::rust::expression::number_literal;
use crate::emit::rust::names::index;
use crate::model::Value;
use proc_macro2::TokenStream;
use quote::quote;

impl Emit<'_> {
    /// A kernel with the values of a layer for some parameters.
    pub(in crate::emit::rust) fn kernel(&self, values: &[(usize, Value)]) -> TokenStream {
        let kind = &self.own.kind;
        if values.is_empty() {
            return quote! { <#kind as ::core::default::Default>::default() };
        }
        let values: Vec<TokenStream> = values
            .iter()
            .filter_map(|&(i, value)| {
                let field = self.fields.get(i)?;
                let value = match value {
                    Value::Constant(value) if !self.is_stored(i) => number_literal(value),
                    value => parameter_start(value, self.runtime),
                };
                Some(quote! { #field: #value })
            })
            .collect();
        let rest = (values.len() < self.fields.len()).then(|| quote! { ..::core::default::Default::default() });
        quote! { #kind { #(#values,)* #rest } }
    }

    /// The parameters, in base units.
    pub(super) fn structure(&self) -> TokenStream {
        let runtime = self.runtime;
        let name = &self.own.kind;
        let mut docs = self.model.docs.clone();
        docs.push(String::new());
        let equations = self.model.states.iter().map(|s| s.text.clone());
        docs.extend(text_block(equations.chain(self.model.spike.iter().map(|s| s.text.clone()))));
        let docs = doc_lines(&docs);
        let mut fields = Vec::new();
        let mut defaults = Vec::new();
        for (i, (parameter, field)) in self.model.parameters.iter().zip(&self.fields).enumerate() {
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

    pub(super) fn layout(&self) -> TokenStream {
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
        let outputs: Vec<TokenStream> =
            self.model.outputs.iter().map(|o| quantity(&o.quantity.name, o.quantity.dimension.base_unit())).collect();
        let parameters: Vec<TokenStream> = self
            .derived
            .stored
            .iter()
            .filter_map(|s| {
                let parameter = self.model.parameters.get(s.parameter)?;
                let name = &parameter.quantity.name;
                let field = self.fields.get(s.parameter)?;
                let transform = transform(Transform::of(parameter), runtime);
                let unit = match Transform::of(parameter) {
                    Transform::Raw => parameter.quantity.dimension.base_unit(),
                    _ => String::new(),
                };
                let (per_neuron, trainable) = (s.per_neuron, s.trainable);
                let low = parameter.low.map_or(quote! { ::core::primitive::f64::NEG_INFINITY }, number_literal);
                let high = parameter.high.map_or(quote! { ::core::primitive::f64::INFINITY }, number_literal);
                Some(quote! {
                    #runtime::StoredParameter {
                        name: #name.into(),
                        unit: #unit.into(),
                        per_neuron: #per_neuron,
                        trainable: #trainable,
                        transform: #transform,
                        start: self.#field.clone(),
                        range: [#low, #high],
                    }
                })
            })
            .collect();
        let name = &self.model.name;
        let derived = &self.derived;
        let count = index(derived.coefficients.len());
        let initial = derived.initial.iter().map(|&k| index(k));
        let differentiated = derived.differentiated.iter().map(|&k| index(k));
        let tape_reals = index(derived.tape.reals.len());
        let tape_flags = !derived.tape.flags.is_empty();
        let direct_events = derived.direct_events.iter().map(|&s| index(s));
        let silent = derived.reverse.silent.iter().map(|&s| index(s));
        let error_filter = error_filter(derived.error_filter.as_ref(), runtime);
        let noise = index(self.derived.noise.len());
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
                    outputs: vec![#(#outputs),*],
                    parameters: vec![#(#parameters),*],
                    coefficients: #count,
                    initial: vec![#(#initial),*],
                    differentiated: vec![#(#differentiated),*],
                    tape_reals: #tape_reals,
                    tape_flags: #tape_flags,
                    direct_events: vec![#(#direct_events),*],
                    silent: vec![#(#silent),*],
                    error_filter: #error_filter,
                    noise: #noise,
                    spikes: #spikes,
                    adjoint_reads_spikes: #reads_spikes,
                    refractory: #refractory,
                    decisions: 0,
                }
            }
        }
    }
}

fn error_filter(filter: Option<&ErrorFilter>, runtime: &TokenStream) -> TokenStream {
    let Some(filter) = filter else { return quote! { ::core::option::Option::None } };
    let list = |entries: &[FilterEntry]| {
        let entries = entries.iter().map(|entry| match *entry {
            FilterEntry::Number(number) => {
                let number = number_literal(number);
                quote! { #runtime::FilterEntry::Number(#number) }
            }
            FilterEntry::Coefficient(k) => {
                let k = index(k);
                quote! { #runtime::FilterEntry::Coefficient(#k) }
            }
        });
        quote! { vec![#(#entries),*] }
    };
    let [transition, gain] = [&filter.transition, &filter.gain].map(|entries| list(entries));
    let [read, direct] = [&filter.read, &filter.direct].map(|entries| list(entries));
    quote! {
        ::core::option::Option::Some(#runtime::ErrorFilter {
            transition: #transition,
            gain: #gain,
            read: #read,
            direct: #direct,
        })
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
