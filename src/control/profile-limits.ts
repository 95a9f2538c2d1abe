/** The limits of a profile. */
export const PROFILE_SECONDS_MAXIMUM = 60;
/** Microseconds from one look to the next. */
export const PROFILE_EVERY = { minimum: 50, maximum: 1_000_000, default: 500 } as const;
