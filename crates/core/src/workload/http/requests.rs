//! The workload of requests of the user's own making.

use std::borrow::Cow;
use std::sync::Arc;

use rand::RngExt;

use super::escape::Place;
use super::table::Row;
use super::template::Template;
use super::variable::{Moment, Scope};
use super::{Content, HttpError, Table};
use crate::record::RequestId;
use crate::seed::Seed;
use crate::spec::{HttpSpec, Pick};
use crate::workload::{Body, Payload, RequestSpec, Workload};

/// Makes the requests of a run from templates.
pub struct HttpRequests {
    seed: Seed,
    path: Template,
    headers: Vec<(String, Template)>,
    /// Content type and body; used in turn.
    bodies: Vec<(Option<String>, Template)>,
    table: Option<(Table, Pick)>,
    /// The ordinary workload, behind the variables `prompt` and `max_tokens`.
    prompts: Option<Arc<dyn Workload>>,
    /// A request for each body, where all requests with it are alike.
    alike: Vec<Arc<Payload>>,
    description: String,
}

impl HttpRequests {
    /// Requests as `spec` describes them, with these bodies, in turn, and the rows that `spec` names.
    ///
    /// # Errors
    /// A template cannot be read, names what is not there, or cannot be sent with what a row has.
    pub fn new(
        spec: &HttpSpec,
        bodies: &[Content],
        table: Option<Table>,
        seed: Seed,
    ) -> Result<HttpRequests, HttpError> {
        let columns = table.as_ref().map(|table| table.columns().to_vec()).unwrap_or_default();
        let mut scope = Scope { seed, columns: &columns, holes: 0 };
        let path = Template::parse("--path", &spec.path, Place::Path, &mut scope)?;
        let headers = spec.headers.iter().map(|(name, value)| {
            let origin = format!("--header {name}");
            Ok((name.clone(), Template::parse(&origin, value.reveal(), Place::Header, &mut scope)?))
        });
        let headers = headers.collect::<Result<_, HttpError>>()?;
        let templates = bodies.iter().map(|content| body(content, &mut scope));
        let templates = templates.collect::<Result<_, HttpError>>()?;
        let order = spec.vars.as_ref().map_or(Pick::Cycle, |vars| vars.order);
        let requests = HttpRequests {
            seed,
            path,
            headers,
            bodies: templates,
            description: describe(spec, table.as_ref(), bodies),
            table: table.map(|table| (table, order)),
            prompts: None,
            alike: Vec::new(),
        };
        if let Some((table, _)) = &requests.table {
            requests.templates().try_for_each(|template| template.check_rows(table))?;
        }
        match spec.shaped_by {
            Some(option) if !requests.needs_prompts() => Err(HttpError::NoPrompt(option)),
            _ => Ok(requests),
        }
    }

    /// Whether the ordinary workload is needed for variables.
    pub fn needs_prompts(&self) -> bool {
        self.templates().any(Template::needs_prompts)
    }

    /// Completes the requests with the ordinary workload, if they need it, and checks the first with each body.
    ///
    /// # Errors
    /// A body that should be JSON is none.
    pub fn ready(
        mut self,
        prompts: Option<Arc<dyn Workload>>,
        bodies: &[Content],
    ) -> Result<HttpRequests, HttpError> {
        if let Some(prompts) = &prompts {
            self.description += &format!(", {{{{prompt}}}} from {}", prompts.describe());
        }
        self.prompts = prompts;
        for (number, content) in bodies.iter().enumerate() {
            let payload = self.payload(RequestId(number as u64));
            let json = content.checked && content.form.is_none() && place_of(content) == Place::Json;
            if let Some(error) = json
                .then(|| serde_json::from_slice::<serde::de::IgnoredAny>(&payload.body.concat()).err())
                .flatten()
            {
                let template = content.origin.clone();
                return Err(HttpError::NotJson { template, reason: error.to_string() });
            }
        }
        if self.templates().all(Template::is_fixed) {
            let numbers = 0..self.bodies.len().max(1) as u64;
            self.alike = numbers.map(|number| Arc::new(self.payload(RequestId(number)))).collect();
        }
        Ok(self)
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        let headers = self.headers.iter().map(|(_, template)| template);
        let bodies = self.bodies.iter().map(|(_, template)| template);
        std::iter::once(&self.path).chain(headers).chain(bodies)
    }

    fn row(&self, id: RequestId) -> Option<&Row> {
        let (table, order) = self.table.as_ref()?;
        let rows = table.rows();
        let index = match order {
            Pick::Cycle => (id.0 % rows.len() as u64) as usize,
            Pick::Random => self.seed.keyed("vars", id.0).random_range(0..rows.len()),
        };
        rows.get(index)
    }

    fn payload(&self, id: RequestId) -> Payload {
        let asked = self.prompts.as_ref().map(|prompts| prompts.request(id));
        let now = Moment { id, row: self.row(id), asked: asked.as_ref() };
        let mut secrets = Vec::new();
        let path = (!self.path.is_fixed()).then(|| {
            let path = self.path.fill_text(&now, &mut secrets);
            if path.starts_with(['/', '?']) { path } else { format!("/{path}") }
        });
        let mut fields = Vec::with_capacity(self.headers.len() + 1);
        for (name, template) in &self.headers {
            let value = template.fill_text(&now, &mut secrets);
            secrets.push(value.clone()); // header values may be credentials, as everywhere
            fields.push((Cow::Owned(name.clone()), value));
        }
        let turn = id.0.checked_rem(self.bodies.len() as u64).unwrap_or(0) as usize;
        let mut body = Body::default();
        if let Some((content_type, template)) = self.bodies.get(turn) {
            fields.extend(content_type.clone().map(|kind| (Cow::Borrowed("Content-Type"), kind)));
            body = template.fill(&now, &mut secrets);
        }
        Payload { path, fields, body, secrets, items: None }
    }
}

impl Workload for HttpRequests {
    fn request(&self, id: RequestId) -> RequestSpec {
        let payload = match self.alike.as_slice() {
            [] => Arc::new(self.payload(id)),
            alike => alike[(id.0 % alike.len() as u64) as usize].clone(),
        };
        RequestSpec::of_payload(id, payload)
    }

    fn describe(&self) -> String {
        self.description.clone()
    }

    fn inexact(&self) -> u64 {
        self.prompts.as_ref().map_or(0, |prompts| prompts.inexact())
    }
}

/// The template of a body, and the content type of the request.
fn body(content: &Content, scope: &mut Scope<'_>) -> Result<(Option<String>, Template), HttpError> {
    let template = match std::str::from_utf8(&content.bytes) {
        Ok(text) if text.contains("{{") => Template::parse(&content.origin, text, place_of(content), scope)?,
        _ => Template::fixed(&content.origin, content.bytes.clone()),
    };
    Ok(match &content.form {
        Some(form) => {
            (Some(form.content_type.clone()), template.around(form.head.clone(), form.tail.clone()))
        }
        None => (content.content_type.clone(), template),
    })
}

/// What a body's content type says of the way in which values are written in it.
fn place_of(content: &Content) -> Place {
    let kind = content.content_type.as_deref().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/x-www-form-urlencoded" => Place::Form,
        kind if kind.ends_with("/json") || kind.ends_with("+json") => Place::Json,
        _ => Place::Text,
    }
}

/// `PUT /predict?id={{id}}, 3 bodies in turn, 3 rows of data.csv in turn`.
fn describe(spec: &HttpSpec, table: Option<&Table>, bodies: &[Content]) -> String {
    let path = if spec.path.is_empty() { "the URL as it is" } else { &spec.path };
    let mut text = format!("{} {path}", spec.method);
    match bodies {
        [] => {}
        [only] => text += &format!(", {} bytes of body from {}", only.bytes.len(), only.origin),
        many => text += &format!(", {} bodies in turn", many.len()),
    }
    if let Some((table, vars)) = table.zip(spec.vars.as_ref()) {
        let order = match vars.order {
            Pick::Cycle => "in turn",
            Pick::Random => "at random",
        };
        text += &format!(", {} {order}", table.describe());
    }
    text
}
