//! A loop over the neurons of a population: one function that cuts its arguments into rows, one with the loop.
//!
//! One list of arguments gives the cuts, the call, the signature and the lengths, so that they cannot disagree. What the
//! body does not mention is not passed.

use super::{allow, doc_lines};
use crate::emit::rust::items::LoopItems;
use crate::emit::rust::names::{Mentions, index};
use proc_macro2::{Delimiter, Group, Ident, TokenStream};
use quote::{format_ident, quote};

/// What an argument is.
pub(super) enum Kind {
    /// Numbers of a field that is cut into one row for each name.
    Rows,
    /// A field that is one slice of that type.
    Slice(TokenStream),
    /// A field that is passed as it is, of that type.
    Value(TokenStream),
}

/// An argument, or several that are rows of one field.
pub(super) struct Argument {
    /// Their names in the loop.
    pub names: Vec<Ident>,
    /// The field of the step or adjoint where the caller has them.
    pub field: &'static str,
    /// What they are.
    pub kind: Kind,
    /// The loop writes them.
    pub writes: bool,
    /// They are empty unless this flag of the loop is set.
    pub optional: Option<Ident>,
}

impl Argument {
    /// Rows of numbers.
    pub(super) fn rows(names: &[Ident], field: &'static str, writes: bool) -> Self {
        Self { names: names.to_vec(), field, kind: Kind::Rows, writes, optional: None }
    }

    /// A slice of numbers of that type, called like its field.
    pub(super) fn slice(field: &'static str, element: TokenStream, writes: bool) -> Self {
        Self { names: vec![format_ident!("{field}")], field, kind: Kind::Slice(element), writes, optional: None }
    }

    /// A number of that type, called like its field.
    pub(super) fn value(field: &'static str, of: TokenStream) -> Self {
        Self { names: vec![format_ident!("{field}")], field, kind: Kind::Value(of), writes: false, optional: None }
    }

    /// Only there if the flag is set.
    pub(super) fn optional(self, flag: &Ident) -> Self {
        Self { optional: Some(flag.clone()), ..self }
    }
}

/// A constant of a loop.
pub(super) struct Flag {
    pub name: Ident,
    /// When the caller sets it; never if nothing is said.
    pub when: Option<TokenStream>,
    /// It is set whenever this one is.
    pub with: Option<Ident>,
}

impl Flag {
    pub(super) fn new(name: &Ident, when: Option<TokenStream>) -> Self {
        Self { name: name.clone(), when, with: None }
    }
}

/// A loop that is tried with code for short steps first, part by part, and else done again: see
/// `snn_runtime::kernel::ShortSteps`.
pub(super) struct Short {
    /// The constant of the function with the loop.
    pub flag: Ident,
    /// The rows of the states, and those where they are saved.
    pub states: Vec<Ident>,
    pub saved: Vec<Ident>,
    /// Counters of refractory steps are saved too.
    pub refractory: bool,
}

/// A loop.
pub(super) struct Cells<'a> {
    /// What its functions are called.
    pub items: &'a LoopItems,
    /// The scalar type parameter.
    pub real: &'a Ident,
    pub runtime: &'a TokenStream,
    /// The struct that the engine passes, which is also the name of the method in lower case.
    pub from: (Ident, Ident),
    /// Constants that are known when the loop is compiled.
    pub flags: Vec<Flag>,
    pub docs: Vec<String>,
    /// If it has code for short steps.
    pub short: Option<Short>,
    pub arguments: Vec<Argument>,
    /// What is known before the loop.
    pub before: TokenStream,
    /// What happens to neuron `cell`.
    pub body: TokenStream,
    /// The locals of both.
    pub mentions: Mentions,
}

impl Cells<'_> {
    fn used<'n>(&'n self, argument: &'n Argument) -> impl Iterator<Item = &'n Ident> {
        argument.names.iter().filter(|name| self.mentions.contain(name))
    }

    /// The length of an argument, if `count` is that of all.
    fn length(&self, argument: &Argument, count: &TokenStream) -> TokenStream {
        match &argument.optional {
            Some(flag) => quote! { if #flag { #count } else { 0 } },
            None => count.clone(),
        }
    }

    /// The method of the kernel: one call for equal and, if some of the `coefficients` may differ, one for differing ones,
    /// for all flags.
    pub(super) fn method(&self, coefficients: usize, may_differ: bool) -> TokenStream {
        let (runtime, real, function) = (self.runtime, self.real, &self.items.rows);
        let (argument, kind) = &self.from;
        let count = index(coefficients);
        let call = |each: bool, on: &[bool]| {
            let coefficients = if each {
                quote! { #runtime::kernel::Each::<#real>::new(#argument.coefficients.values, #argument.n) }
            } else {
                quote! { #runtime::kernel::Same::<#real, #count>::new(#argument.coefficients.values) }
            };
            quote! { #function::<#real, _, #(#on),*>(#coefficients, #argument) }
        };
        let same = self.by_flags(&mut Vec::new(), &|on| call(false, on));
        let body = if may_differ {
            let each = self.by_flags(&mut Vec::new(), &|on| call(true, on));
            quote! { if #argument.coefficients.per_neuron { #each } else { #same } }
        } else {
            same
        };
        quote! {
            #[inline(always)]
            fn #argument<#real: #runtime::Real>(#argument: #runtime::#kind<'_, #real>) {
                #body
            }
        }
    }

    /// The calls for all flags behind those whose values are `known`.
    fn by_flags(&self, known: &mut Vec<bool>, call: &dyn Fn(&[bool]) -> TokenStream) -> TokenStream {
        let Some(flag) = self.flags.get(known.len()) else { return call(known) };
        let implied = self.flags.iter().zip(&*known).any(|(other, &on)| on && flag.with.as_ref() == Some(&other.name));
        let mut with = |on: bool| {
            known.push(on);
            let code = self.by_flags(known, call);
            known.pop();
            code
        };
        match &flag.when {
            _ if implied => with(true),
            None => with(false),
            Some(condition) => {
                let (on, off) = (with(true), with(false));
                quote! { if #condition { #on } else { #off } }
            }
        }
    }

    /// Cuts the arguments into rows and calls the loop.
    pub(super) fn rows(&self) -> TokenStream {
        let (runtime, real, flags) = (self.runtime, self.real, self.flags.iter().map(|f| &f.name));
        let passed_flags = flags.clone();
        let (LoopItems { rows: outer, cells: inner }, (from, kind)) = (self.items, &self.from);
        let mut cuts = TokenStream::new();
        let mut passed = Vec::new();
        for argument in self.arguments.iter().filter(|a| self.used(a).next().is_some()) {
            let field = format_ident!("{}", argument.field);
            if !matches!(argument.kind, Kind::Rows) {
                passed.push(quote! { #from.#field });
                continue;
            }
            let names = argument.names.iter().map(|name| {
                if self.mentions.contain(name) {
                    quote! { #name }
                } else {
                    quote! { _ }
                }
            });
            let function = format_ident!("{}", if argument.writes { "rows_mut" } else { "rows" });
            let count = self.length(argument, &quote! { #from.n });
            cuts.extend(quote! { let [#(#names),*] = #runtime::kernel::#function(#from.#field, #count); });
            passed.extend(self.used(argument).map(|name| quote! { #name }));
        }
        let attributes = allow();
        let call = match &self.short {
            Some(short) => self.attempts(short, &passed),
            None => quote! { #inner::<#real, C, #(#passed_flags),*>(coefficient, #from.n, #(#passed),*); },
        };
        quote! {
            #attributes
            #[inline(always)]
            fn #outer<#real: #runtime::Real, C: #runtime::kernel::CoefficientRows<#real>, #(const #flags: bool),*>(
                coefficient: C,
                #from: #runtime::#kind<'_, #real>,
            ) {
                #cuts
                #call
            }
        }
    }

    /// The calls of the loop for all parts.
    fn attempts(&self, short: &Short, passed: &[TokenStream]) -> TokenStream {
        let (runtime, real, from, inner) = (self.runtime, self.real, &self.from.0, &self.items.cells);
        let flags: Vec<&Ident> = self.flags.iter().map(|f| &f.name).collect();
        let Short { states, refractory, .. } = short;
        let count = index(states.len());
        let counters = if *refractory {
            quote! { #from.refractory }
        } else {
            quote! { &mut [] }
        };
        quote! {
            let short = #from.short;
            let tries = short.begin(#count, #refractory);
            for cells in #runtime::kernel::parts(#from.n, tries) {
                if tries {
                    let (saved, saved_refractory) = short.room();
                    if #inner::<#real, C, #(#flags,)* true>(
                        coefficient, cells.clone(), #(#passed,)* saved, saved_refractory
                    ) {
                        continue;
                    }
                    short.restore(cells.clone(), [#(&mut *#states),*], #counters);
                }
                #inner::<#real, C, #(#flags,)* false>(coefficient, cells, #(#passed,)* &mut [], &mut []);
            }
            if tries {
                short.end(#from.n);
            }
        }
    }

    /// The function with the loop.
    pub(super) fn function(&self) -> TokenStream {
        let (runtime, real, before, body) = (self.runtime, self.real, &self.before, &self.body);
        let mut flags: Vec<&Ident> = self.flags.iter().map(|f| &f.name).collect();
        let function = &self.items.cells;
        let mut signature = Vec::new();
        let mut equal = match &self.short {
            Some(_) => quote! { let count = cells.len(); },
            None => TokenStream::new(),
        };
        for argument in &self.arguments {
            let of = match &argument.kind {
                Kind::Rows => quote! { #real },
                Kind::Slice(of) | Kind::Value(of) => of.clone(),
            };
            let mutable = argument.writes.then(|| quote! { mut });
            for name in self.used(argument) {
                if matches!(argument.kind, Kind::Value(_)) {
                    signature.push(quote! { #name: #of });
                    continue;
                }
                signature.push(quote! { #name: & #mutable [#of] });
                if self.short.is_some() {
                    // All lengths are one and the same number, which the compiler sees.
                    let part = match &argument.optional {
                        Some(flag) => {
                            quote! { [if #flag { cells.start } else { 0 }..][..if #flag { count } else { 0 }] }
                        }
                        None => quote! { [cells.start..][..count] },
                    };
                    equal.extend(quote! { let #name = & #mutable #name #part; });
                } else if matches!(argument.kind, Kind::Slice(_)) {
                    // Rows have that length already; of the others the compiler learns it here.
                    let length = self.length(argument, &quote! { count });
                    equal.extend(quote! { let #name = & #mutable #name[..#length]; });
                }
            }
        }
        let pattern = |name: &str, used: bool| {
            let name = format_ident!("{name}");
            if used {
                quote! { #name }
            } else {
                quote! { _ }
            }
        };
        let reads_coefficients = self.mentions.contain(&format_ident!("coefficient"));
        let coefficient = pattern("coefficient", reads_coefficients);
        // The tokens of a group are shared, not copied.
        let block = Group::new(Delimiter::Brace, body.clone());
        let mut all = (!body.is_empty()).then(|| quote! { for cell in 0..count #block });
        let count = pattern("count", !body.is_empty());
        let mut neurons = quote! { #count: usize };
        let mut result = None;
        if let Some(short) = &self.short {
            let Short { flag, saved, refractory, .. } = short;
            flags.push(flag);
            neurons = quote! { cells: ::core::ops::Range<usize> };
            signature.push(quote! { saved: &mut [#real] });
            let counters = pattern("saved_refractory", *refractory);
            signature.push(quote! { #counters: &mut [u16] });
            let counters = refractory.then(|| {
                quote! { let #counters = &mut #counters[..if #flag { count } else { 0 }]; }
            });
            let (last, first) = saved.split_last().map_or((None, &[][..]), |(last, first)| (Some(last), first));
            let last = last.map(|last| quote! { let #last = saved; });
            let own = reads_coefficients.then(|| quote! { let coefficient = coefficient.part(cells.clone()); });
            equal.extend(quote! {
                #(let (#first, saved) = saved.split_at_mut(if #flag { #runtime::kernel::PART } else { 0 });)*
                #last
                #(let #saved = &mut #saved[..if #flag { count } else { 0 }];)*
                #counters
                #own
                let mut longest = #runtime::kernel::Longest::<#real>::new();
            });
            all = Some(quote! { #all longest.is_short() });
            result = Some(quote! { -> bool });
        }
        let (docs, attributes) = (doc_lines(&self.docs), allow());
        quote! {
            #docs
            #attributes
            #[inline(always)]
            fn #function<#real: #runtime::Real, C: #runtime::kernel::CoefficientRows<#real>, #(const #flags: bool),*>(
                #coefficient: C,
                #neurons,
                #(#signature,)*
            ) #result {
                #equal
                #before
                #all
            }
        }
    }
}
