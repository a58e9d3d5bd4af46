//! Applications that are made when they are wanted.
//!
//! What a vhost configures by name is there as it is. Any other application is made of the vhost's template `*`, or of a
//! built-in one with everything on, and forgotten when it had no stream for a while. Time is an argument: what has passed since
//! some beginning.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::plan::Scheme;

/// Without a stream for so long a made application is removed, as in OvenMediaEngine.
const UNUSED: Duration = Duration::from_secs(60);
/// Applications that are made at a time. Each costs some hundred bytes and anybody may ask for one: of those without a stream
/// the one that was left first makes room.
const MOST: usize = 4096;
/// The name of the template for applications that have none of their own.
const ANY: &str = "*";
/// What can be fetched by.
const PULLED: [Scheme; 5] = [Scheme::Rtmp, Scheme::Http, Scheme::Https, Scheme::Rtsp, Scheme::Srt];

/// An application as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its name, several levels at most; `*` is for all that have none of their own.
    pub name: String,
    /// By what its streams may be fetched. None: they are not fetched at all.
    pub schemes: Vec<Scheme>,
}

/// A word that is no provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown provider {0:?}: want rtmp, flv, http, https, rtsp, srt or ovt")]
pub struct UnknownProvider(pub String);

impl Template {
    /// An application with the providers that words name, in any case: `rtmp`, `rtsp`, `srt`, `ovt`, `http`, `https`, and
    /// `flv` for the last two.
    ///
    /// # Errors
    /// [`UnknownProvider`].
    pub fn new<S: AsRef<str>>(name: &str, providers: &[S]) -> Result<Template, UnknownProvider> {
        let mut schemes = Vec::new();
        for word in providers.iter().map(AsRef::as_ref) {
            let named: &[Scheme] = match word.to_ascii_lowercase().as_str() {
                "rtmp" => &[Scheme::Rtmp],
                "flv" => &[Scheme::Http, Scheme::Https],
                "http" => &[Scheme::Http],
                "https" => &[Scheme::Https],
                "rtsp" => &[Scheme::Rtsp],
                "srt" => &[Scheme::Srt],
                "ovt" => &[Scheme::Ovt],
                _ => return Err(UnknownProvider(word.to_owned())),
            };
            for scheme in named {
                if !schemes.contains(scheme) {
                    schemes.push(*scheme);
                }
            }
        }
        Ok(Template { name: name.to_owned(), schemes })
    }
}

/// A wish that an application allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// This wish made the application.
    pub made: bool,
}

/// Why an application does not fetch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// It has other providers.
    #[error("the application {app} has no provider {scheme}: it has {has}")]
    Scheme {
        /// The application.
        app: String,
        /// What its stream would be fetched by.
        scheme: &'static str,
        /// What it has, in words.
        has: String,
    },
    /// Every one that may be made at a time is made and has streams.
    #[error("the application {app} is not made: there are {MOST} with streams")]
    Full {
        /// The application.
        app: String,
    },
}

/// One application, for the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppRecord {
    /// Its vhost.
    pub vhost: String,
    /// Its name.
    pub name: String,
    /// By what its streams may be fetched.
    pub schemes: Vec<Scheme>,
    /// When it was made; None for one that is configured.
    pub made: Option<Duration>,
    /// Streams that are fetched.
    pub streams: usize,
}

/// The applications of all vhosts. Its lock is held for moments only.
#[derive(Debug)]
pub struct Apps {
    /// What others are made of, by vhost.
    any: BTreeMap<String, Arc<[Scheme]>>,
    built_in: Arc<[Scheme]>,
    there: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// By vhost and name.
    apps: BTreeMap<(String, String), App>,
    made: usize,
}

#[derive(Debug)]
struct App {
    schemes: Arc<[Scheme]>,
    /// When; None for one that is configured.
    made: Option<Duration>,
    streams: usize,
    /// When it was asked for, or left by a stream, for the last time.
    touched: Duration,
}

impl App {
    fn new(schemes: Arc<[Scheme]>, made: Option<Duration>) -> App {
        App { schemes, made, streams: 0, touched: made.unwrap_or_default() }
    }

    fn is_idle(&self) -> bool {
        self.made.is_some() && self.streams == 0
    }
}

impl Apps {
    /// The applications that vhosts configure; of two with one name the last counts.
    pub fn new(vhosts: impl IntoIterator<Item = (String, Vec<Template>)>) -> Apps {
        let mut any = BTreeMap::new();
        let mut table = Table::default();
        for (vhost, templates) in vhosts {
            for Template { name, schemes } in templates {
                if name == ANY {
                    any.insert(vhost.clone(), schemes.into());
                } else {
                    table.apps.insert((vhost.clone(), name), App::new(schemes.into(), None));
                }
            }
        }
        Apps { any, built_in: PULLED.into(), there: Mutex::new(table) }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// May a stream of this application be fetched by this scheme? Makes the application where it is not there.
    ///
    /// # Errors
    /// [`NotAllowed`]; then nothing is made.
    pub fn admit(
        &self,
        vhost: &str,
        app: &str,
        scheme: Scheme,
        now: Duration,
    ) -> Result<Admitted, NotAllowed> {
        let mut table = self.lock();
        let place = (vhost.to_owned(), app.to_owned());
        if let Some(known) = table.apps.get_mut(&place) {
            allowed(app, &known.schemes, scheme)?;
            known.touched = known.touched.max(now);
            return Ok(Admitted { made: false });
        }
        let schemes = self.template(vhost);
        allowed(app, &schemes, scheme)?;
        if table.make(place, schemes, now) {
            Ok(Admitted { made: true })
        } else {
            Err(NotAllowed::Full { app: app.to_owned() })
        }
    }

    fn template(&self, vhost: &str) -> Arc<[Scheme]> {
        self.any.get(vhost).unwrap_or(&self.built_in).clone()
    }

    /// A stream of this application begins to be fetched.
    pub fn used(&self, vhost: &str, app: &str, now: Duration) {
        let mut table = self.lock();
        let place = (vhost.to_owned(), app.to_owned());
        // It may have been removed since it was asked for.
        if !table.apps.contains_key(&place) {
            table.make(place.clone(), self.template(vhost), now);
        }
        if let Some(app) = table.apps.get_mut(&place) {
            app.streams = app.streams.saturating_add(1);
            app.touched = app.touched.max(now);
        }
    }

    /// A stream of this application is fetched no longer.
    pub fn left(&self, vhost: &str, app: &str, now: Duration) {
        if let Some(app) = self.lock().apps.get_mut(&(vhost.to_owned(), app.to_owned())) {
            app.streams = app.streams.saturating_sub(1);
            app.touched = app.touched.max(now);
        }
    }

    /// Removes the made ones that had no stream for 60 s, and names them by vhost and name. To be called every few seconds.
    pub fn sweep(&self, now: Duration) -> Vec<(String, String)> {
        let mut table = self.lock();
        let is_over = |app: &App| app.is_idle() && now.saturating_sub(app.touched) >= UNUSED;
        let gone: Vec<_> = table.apps.extract_if(.., |_, app| is_over(app)).map(|(place, _)| place).collect();
        table.made = table.made.saturating_sub(gone.len());
        gone
    }

    /// All that are there, in the order of vhost and name.
    pub fn list(&self) -> Vec<AppRecord> {
        let table = self.lock();
        let record = |((vhost, name), app): (&(String, String), &App)| AppRecord {
            vhost: vhost.clone(),
            name: name.clone(),
            schemes: app.schemes.to_vec(),
            made: app.made,
            streams: app.streams,
        };
        table.apps.iter().map(record).collect()
    }
}

impl Table {
    /// False when there is no room, nor anything that could go.
    fn make(&mut self, place: (String, String), schemes: Arc<[Scheme]>, now: Duration) -> bool {
        if self.made >= MOST {
            let idle = self.apps.iter().filter(|(_, app)| app.is_idle());
            let Some(first) = idle.min_by_key(|(_, app)| app.touched).map(|(place, _)| place.clone()) else {
                return false;
            };
            self.apps.remove(&first);
            self.made = self.made.saturating_sub(1);
        }
        self.apps.insert(place, App::new(schemes, Some(now)));
        self.made = self.made.saturating_add(1);
        true
    }
}

fn allowed(app: &str, schemes: &[Scheme], scheme: Scheme) -> Result<(), NotAllowed> {
    if schemes.contains(&scheme) {
        return Ok(());
    }
    let names: Vec<&str> = schemes.iter().map(|scheme| scheme.name()).collect();
    let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    Err(NotAllowed::Scheme { app: app.to_owned(), scheme: scheme.name(), has })
}

#[cfg(test)]
mod tests;
