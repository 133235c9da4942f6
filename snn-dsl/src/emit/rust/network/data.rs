//! What goes into a network by name: inputs, targets, and its trained numbers.

use super::Emit;
use crate::emit::rust::names::Names;
use crate::emit::rust::neuron::{allow, doc_lines};
use proc_macro2::TokenStream;
use quote::quote;

impl Emit<'_> {
    /// What goes into a call, by name.
    pub(super) fn data(&self) -> TokenStream {
        let (runtime, real, kind) = (self.runtime, &self.items.real, &self.own.kind);
        let (inputs, targets) = (&self.own.inputs, &self.own.targets);
        let mut fields = Names::default();
        fields.reserve(&["samples", "marker"]);
        let names = fields.take_all(self.network.inputs.iter().map(|i| &i.name));
        let fields = self.network.inputs.iter().zip(&names).map(|(input, name)| {
            let docs = doc_lines(&[format!("{} channels.", input.size)]);
            quote! { #docs pub #name: #runtime::InputData<'a> }
        });
        // A network without inputs still has a lifetime, so that all networks are used alike.
        let marker = names.is_empty().then(|| {
            quote! { #[doc(hidden)] pub marker: ::core::marker::PhantomData<&'a ()>, }
        });
        let title = doc_lines(&[format!("The inputs of some samples of [`{kind}`].")]);
        let attributes = allow();
        let mut code = quote! {
            #title
            #attributes
            #[derive(Clone, Copy)]
            pub struct #inputs<'a> {
                /// The number of samples.
                pub samples: usize,
                #(#fields,)*
                #marker
            }

            impl<'a> #inputs<'a> {
                fn list(&self) -> ::std::vec::Vec<#runtime::InputData<'a>> {
                    ::std::vec![#(self.#names),*]
                }
            }
        };
        if self.has_targets() {
            let names = Names::default().take_all(self.network.targets.iter().map(|t| &t.name));
            let fields = self.network.targets.iter().zip(&names).map(|(target, name)| {
                let kind = if target.is_class { "classes" } else { "numbers" };
                let over_time = if target.over_time { ", for every step" } else { "" };
                let docs = doc_lines(&[format!("{} {kind}{over_time}.", target.size)]);
                quote! { #docs pub #name: #runtime::TargetData<'a, #real> }
            });
            let title = doc_lines(&[format!("The targets of some samples of [`{kind}`].")]);
            code.extend(quote! {
                #title
                #attributes
                #[derive(Clone, Copy)]
                pub struct #targets<'a, #real: #runtime::Real = f32> { #(#fields,)* }

                impl<'a, #real: #runtime::Real> #targets<'a, #real> {
                    fn list(&self) -> ::std::vec::Vec<#runtime::TargetData<'a, #real>> {
                        ::std::vec![#(self.#names),*]
                    }
                }
            });
        }
        code
    }

    /// The trained numbers with a method for every tensor.
    pub(super) fn parameters(&self) -> TokenStream {
        let runtime = self.runtime;
        let (name, real) = (&self.own.parameters, &self.items.real);
        let mut methods = TokenStream::new();
        let mut names = Names::default();
        for p in self.network.projections.iter().filter(|p| p.tied.is_none()) {
            let (from, to) = (p.sources.len(), p.targets.len());
            let tensor = format!("{}.weight", p.name);
            let method = names.take(&format!("{}_weight", p.name));
            let shape = p.connectivity.weights(from, to);
            let text = match &shape {
                Some(shape) => format!("`{}`, `{shape:?}`.", p.text),
                None => format!("`{}`, one number for each connection.", p.text),
            };
            let docs = doc_lines(&[text]);
            let (view, get) = match shape.map(|shape| shape.len()) {
                Some(2) => (quote! { ArrayView2 }, quote! { self.0.matrix(#tensor) }),
                None | Some(1) => (quote! { ArrayView1 }, quote! { self.0.vector(#tensor) }),
                Some(_) => (quote! { ArrayViewD }, quote! { self.0.tensor(#tensor) }),
            };
            methods.extend(quote! {
                #docs
                pub fn #method(&self) -> #runtime::ndarray::#view<'_, #real> { #get }
            });
            if p.bias {
                let tensor = format!("{}.bias", p.name);
                let method = names.take(&format!("{}_bias", p.name));
                let biases = p.connectivity.biases(to);
                let docs = doc_lines(&[format!("The bias of `{}`, `[{biases}]`.", p.text)]);
                methods.extend(quote! {
                    #docs
                    pub fn #method(&self) -> #runtime::ndarray::ArrayView1<'_, #real> { self.0.vector(#tensor) }
                });
            }
        }
        let title = doc_lines(&[format!(
            "The trained numbers of [`{}`]; optimisers and files see them as [`Parameters`](trait.Parameters.html).",
            self.own.kind
        )]);
        let attributes = allow();
        quote! {
            #title
            #attributes
            #[derive(Clone, Debug, PartialEq)]
            pub struct #name<#real: #runtime::Real = f32>(#runtime::ParameterSet<#real>);

            #attributes
            impl<#real: #runtime::Real> #name<#real> { #methods }

            impl<#real: #runtime::Real> #runtime::Parameters<#real> for #name<#real> {
                fn layout(&self) -> &::std::sync::Arc<#runtime::Layout> { #runtime::Parameters::layout(&self.0) }
                fn values(&self) -> &[#real] { #runtime::Parameters::values(&self.0) }
                fn values_mut(&mut self) -> &mut [#real] { #runtime::Parameters::values_mut(&mut self.0) }
            }
        }
    }
}
