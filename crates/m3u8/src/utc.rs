//! A moment in the words of a calendar.

/// A moment in UTC, year to millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utc {
    /// The year; 0 is 1 BC.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59: Unix time has no leap seconds.
    pub second: u8,
    /// 0 to 999.
    pub millisecond: u16,
}

const DAY_MS: i64 = 86_400_000;
/// Days from 0000-03-01 to 1970-01-01.
const TO_MARCH_0: i64 = 719_468;
/// Days of 400 years, after which the calendar repeats.
const ERA: i64 = 146_097;

impl Utc {
    /// The moment `unix_ms` milliseconds after 1970-01-01T00:00:00Z, in the Gregorian calendar also before it was made.
    pub fn from_unix_ms(unix_ms: i64) -> Self {
        let (days, of_day) = (unix_ms.div_euclid(DAY_MS), unix_ms.rem_euclid(DAY_MS));
        // Years are counted from March, so that the day which leap years add is the last one.
        let since = days + TO_MARCH_0;
        let (era, day_of_era) = (since.div_euclid(ERA), since.rem_euclid(ERA));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Self {
            year: era * 400 + year_of_era + i64::from(month <= 2),
            month: small(month),
            day: small(day),
            hour: small(of_day / 3_600_000),
            minute: small(of_day / 60_000 % 60),
            second: small(of_day / 1_000 % 60),
            millisecond: u16::try_from(of_day % 1_000).unwrap_or(0),
        }
    }
}

/// All values here are below 60 by the arithmetic above.
fn small(value: i64) -> u8 {
    u8::try_from(value).unwrap_or(0)
}

/// ISO 8601 as `EXT-X-PROGRAM-DATE-TIME` has it: `2010-02-19T14:54:23.031Z`.
impl std::fmt::Display for Utc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { year, month, day, hour, minute, second, millisecond } = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
    }
}

#[cfg(test)]
mod tests;
