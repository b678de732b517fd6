//! Why an event did not arrive: one closed list, counted, shown and reported. Never drops anything itself.

/// Every reason for which the module gives up an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LossReason {
    /// The process's ring was full: events came faster than the disk takes them.
    QueueFull,
    /// One record was larger than a quarter of the ring, or one event larger than a request.
    TooLarge,
    /// A field had a value that no destination can count.
    Invalid,
    /// The page's path matches an ignore pattern of every destination that wanted it.
    Ignored,
    /// The ring could not be made or read: no space, no permission, damaged by a machine crash.
    Storage,
    /// The spool had more events than its cap: the oldest went.
    SpoolEvents,
    /// The spool had more bytes than its cap: the oldest went.
    SpoolBytes,
    /// The event waited longer than the age cap.
    TooOld,
    /// The destination answered 400: it will never take this.
    Refused,
    /// The destination took the batch but not this event of it.
    Rejected,
    /// The feed, the destination or everything was switched off while the event waited.
    SwitchedOff,
}

impl LossReason {
    /// Every reason, in the order of the ring's counters.
    pub const ALL: [Self; 11] = [
        Self::QueueFull,
        Self::TooLarge,
        Self::Invalid,
        Self::Ignored,
        Self::Storage,
        Self::SpoolEvents,
        Self::SpoolBytes,
        Self::TooOld,
        Self::Refused,
        Self::Rejected,
        Self::SwitchedOff,
    ];

    /// The stable name, as reported in `lost` of a native batch.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::TooLarge => "too_large",
            Self::Invalid => "invalid",
            Self::Ignored => "ignored",
            Self::Storage => "storage",
            Self::SpoolEvents => "spool_events",
            Self::SpoolBytes => "spool_bytes",
            Self::TooOld => "too_old",
            Self::Refused => "refused",
            Self::Rejected => "rejected",
            Self::SwitchedOff => "switched_off",
        }
    }

    /// Whether collectors are told: what the operator chose not to send is nobody's business.
    pub(crate) const fn is_reported(self) -> bool {
        !matches!(self, Self::SwitchedOff | Self::Ignored)
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_the_order_of_its_counters() {
        for (index, reason) in LossReason::ALL.iter().enumerate() {
            assert_eq!(reason.index(), index, "{}", reason.code());
        }
    }
}
