//! The parts of a protocol from text, as they stand in options of the command: `tau=20 ms`,
//! `I_ext=0 nA:50 ms; 2.5 nA:200 ms`, `exc=poisson(100 Hz, 0.5 nA)`.

use super::error::{Error, Place};
use super::inputs;
use super::network;
use super::population;
use super::protocol::{Input, Piece};
use super::table;
use crate::check::Dimension;
use crate::check::constant::{Mistake, constant, value};
use crate::diagnostic::closest;
use crate::model::{Model, Network, Neuron, Quantity, Value};

/// A time in ms.
///
/// # Errors
/// If it is not one.
pub fn time(place: Place, text: &str) -> Result<f64, Error> {
    let what = match place {
        Place::Dt => "the time step",
        _ => "the length",
    };
    constant(text, Dimension::TIME, what).map_err(|mistake| error(&place, mistake))
}

/// A parameter and its value from `NAME=VALUE`.
///
/// # Errors
/// If there is no such parameter, or the value does not fit it.
pub fn set(neuron: &Neuron, text: &str) -> Result<(String, Value), Error> {
    let (name, text) = assignment("--set", "tau=20 ms", text, Place::Set)?;
    let index = population::parameter(neuron, name)?;
    let dimension = neuron.parameters.get(index).map(|p| p.quantity.dimension).unwrap_or_default();
    let value = value(text, dimension, &format!("parameter `{name}`"));
    value.map(|value| (name.into(), value)).map_err(|mistake| error(&Place::Set(name.into()), mistake))
}

/// A state and its starting value from `NAME=VALUE`.
///
/// # Errors
/// If there is no such state, or the value does not fit it.
pub fn init(neuron: &Neuron, text: &str) -> Result<(String, f64), Error> {
    let (name, text) = assignment("--init", "V=-70 mV", text, Place::Init)?;
    let place = Place::Init(name.into());
    let index = population::state(neuron, place.clone(), name)?;
    let dimension = neuron.states.get(index).map(|s| s.quantity.dimension).unwrap_or_default();
    let value = constant(text, dimension, &format!("state `{name}`"));
    value.map(|value| (name.into(), value)).map_err(|mistake| error(&place, mistake))
}

/// A port and what arrives there from `NAME=SPEC`; `read` returns the text of a file, or why there is none.
///
/// # Errors
/// If there is no such port, or the text does not say what arrives.
pub fn input(
    neuron: &Neuron,
    text: &str,
    read: impl FnOnce(&str) -> Result<String, String>,
) -> Result<(String, Input), Error> {
    let (name, spec) = assignment("--input", "I_ext=2.5 nA", text, Place::Input)?;
    let port = inputs::port(neuron, name)?;
    Ok((name.into(), spec_of(&Place::Input(name.into()), port, spec, read)?))
}

/// An input of a network or a port of one of its layers (`LAYER.PORT`), and what arrives there, from `NAME=SPEC`: `(layer,
/// port, input)` or `(input, "", input)`.
///
/// # Errors
/// If there is no such port, or the text does not say what arrives.
pub fn network_input(
    model: &Model,
    network: &Network,
    text: &str,
    read: impl FnOnce(&str) -> Result<String, String>,
) -> Result<(String, String, Input), Error> {
    let (name, spec) = assignment("--input", "exc.I_ext=2.5 nA", text, Place::Input)?;
    let (layer, port, quantity) = network::port(model, network, name)?;
    Ok((layer, port, spec_of(&Place::Input(name.into()), &quantity, spec, read)?))
}

/// A parameter of a layer and its value from `LAYER.NAME=VALUE`.
///
/// # Errors
/// If there is no such parameter, or the value does not fit it.
pub fn network_set(model: &Model, network: &Network, text: &str) -> Result<(String, String, Value), Error> {
    let (name, value) = assignment("--set", "exc.tau=20 ms", text, Place::Set)?;
    let place = || Place::Set(name.into());
    let Some((layer, parameter)) = name.split_once('.') else {
        let message = format!("expected a parameter of a layer, found `{name}`");
        return Err(Error::new(place(), message).help(format!("write `--set LAYER.{name}=...`")));
    };
    let (_, neuron) = network::layer_neuron(model, network, place, layer)?;
    let (parameter, value) = set(neuron, &format!("{parameter}={value}")).map_err(|e| Error { place: place(), ..e })?;
    Ok((layer.into(), parameter, value))
}

/// The states of layers in a list such as `exc.V, inh.V`.
///
/// # Errors
/// If an entry is not `LAYER.STATE`.
pub fn network_states(text: &str) -> Result<Vec<(String, String)>, Error> {
    let pair = |name: String| match name.split_once('.') {
        Some((layer, state)) => Ok((layer.to_string(), state.to_string())),
        None => {
            let message = format!("expected a state of a layer, found `{name}`");
            Err(Error::new(Place::Record, message).help(format!("write `LAYER.STATE`, e.g. `--record exc.{name}`")))
        }
    };
    names(text).into_iter().map(pair).collect()
}

fn spec_of(
    place: &Place,
    port: &Quantity,
    spec: &str,
    read: impl FnOnce(&str) -> Result<String, String>,
) -> Result<Input, Error> {
    let place = place.clone();
    let spec = spec.trim();
    if let Some(file) = spec.strip_prefix('@') {
        let text = read(file).map_err(|reason| Error::new(place.clone(), reason))?;
        return Ok(Input::Series(table::read(&place, port, file, &text)?));
    }
    let call = spec.strip_suffix(')').and_then(|s| s.split_once('('));
    Ok(match call.map(|(word, inner)| (word.trim(), inner)) {
        Some(("poisson", inner)) => poisson(&place, port, inner)?,
        Some(("spikes", inner)) => spikes(&place, port, inner)?,
        Some((word, _)) if closest(word, ["poisson", "spikes"].into_iter()).is_some() => {
            let near = closest(word, ["poisson", "spikes"].into_iter()).unwrap_or_default();
            let message = format!("expected a value, `poisson(...)` or `spikes(...)`, found `{word}(...)`");
            return Err(Error::new(place, message).help(format!("did you mean `{near}(...)`?")));
        }
        _ => Input::Pieces(pieces(&place, port, spec)?),
    })
}

/// The names of a list such as `V, I`.
pub fn names(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(String::from).collect()
}

fn assignment<'a>(
    option: &str,
    example: &str,
    text: &'a str,
    place: impl Fn(String) -> Place,
) -> Result<(&'a str, &'a str), Error> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim(), value)),
        _ => {
            let message = "expected a name, `=` and a value".to_string();
            Err(Error::new(place(text.trim().into()), message).help(format!("write e.g. `{option} \"{example}\"`")))
        }
    }
}

fn error(place: &Place, mistake: Mistake) -> Error {
    Error { place: place.clone(), message: mistake.message, help: mistake.hint }
}

/// `VALUE:DURATION; VALUE:DURATION; VALUE`
fn pieces(place: &Place, port: &Quantity, spec: &str) -> Result<Vec<Piece>, Error> {
    let mut parts = split(spec, ';');
    if parts.len() > 1 && parts.last().is_some_and(|p| p.trim().is_empty()) {
        parts.pop();
    }
    let piece = |part: &str| {
        let (value, duration) = match split(part, ':').as_slice() {
            [value, duration] => (*value, Some(*duration)),
            [_, _, ..] => {
                let message = format!("expected `VALUE:DURATION`, found `{}`", part.trim());
                return Err(Error::new(place.clone(), message).help("put `;` between pieces"));
            }
            _ => (part, None),
        };
        let value = constant(value, port.dimension, &format!("a value of `{}`", port.name));
        let duration = duration.map(|d| constant(d, Dimension::TIME, "a duration")).transpose();
        Ok(Piece { value: value.map_err(|m| error(place, m))?, duration: duration.map_err(|m| error(place, m))? })
    };
    parts.into_iter().map(piece).collect()
}

/// `RATE, WEIGHT`
fn poisson(place: &Place, port: &Quantity, inner: &str) -> Result<Input, Error> {
    let usage = || format!("write `poisson(100 Hz, {})`", example(port));
    let [rate, weight] = split(inner, ',')[..] else {
        return Err(Error::new(place.clone(), "expected a rate and a weight in `poisson(...)`").help(usage()));
    };
    let rate = constant(rate, Dimension::RATE, "the rate of `poisson`").map_err(|mistake| {
        // The base unit of rates is 1/ms, in which nobody thinks of them.
        let hint = if mistake.message.contains("1/ms") { Some(usage()) } else { mistake.hint };
        Error { place: place.clone(), message: mistake.message.replace("1/ms", "Hz"), help: hint }
    })?;
    Ok(Input::Poisson { rate, weight: weight_of(place, port, weight)? })
}

/// `TIME, TIME, ...; WEIGHT`
fn spikes(place: &Place, port: &Quantity, inner: &str) -> Result<Input, Error> {
    let [times, weight] = split(inner, ';')[..] else {
        let help = format!("write `spikes(10 ms, 20 ms; {})`", example(port));
        return Err(Error::new(place.clone(), "expected times, `;` and a weight in `spikes(...)`").help(help));
    };
    let time = |text: &str| constant(text, Dimension::TIME, "a time of `spikes`").map_err(|m| error(place, m));
    let times = split(times, ',').into_iter().map(time).collect::<Result<Vec<f64>, Error>>()?;
    Ok(Input::Spikes { times, weight: weight_of(place, port, weight)? })
}

fn weight_of(place: &Place, port: &Quantity, text: &str) -> Result<f64, Error> {
    constant(text, port.dimension, &format!("a weight of `{}`", port.name)).map_err(|m| error(place, m))
}

/// A value that fits a port.
fn example(port: &Quantity) -> String {
    format!("0.5 {}", port.dimension.base_unit()).trim_end().to_string()
}

/// The parts of a text between separators that stand in no brackets.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut depth = 0i32;
    text.split(|c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == separator && depth == 0
    })
    .collect()
}
