// Times of day in the zone that the reader's profile names, whatever that of the browser is.

/** The server writes it into every page of ours; in other pages it is the browser's. */
export const ZONE = known(globalThis.document?.documentElement.dataset.zone);

function known(zone) {
  try {
    return new Intl.DateTimeFormat("en-GB", { timeZone: zone }).resolvedOptions().timeZone;
  } catch (error) {
    // A zone that only the server has.
    if (error instanceof RangeError) return "UTC";
    throw error;
  }
}

function writer(options, language = "en-GB") {
  const format = new Intl.DateTimeFormat(language, { timeZone: ZONE, ...options });
  return (ms) => format.format(ms);
}

/** 22:50. */
export const minute = writer({ hour: "2-digit", minute: "2-digit" });
/** 22:50:52. */
export const second = writer({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
/** 21 Nov. */
export const day = writer({ day: "numeric", month: "short" });

// Swedes write dates as the server does.
const date = writer({ dateStyle: "short", timeStyle: "medium" }, "sv-SE");
const names = new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, timeZoneName: "short" });

/** 2026-11-21 22:50:52 UTC. */
export function absolute(ms) {
  const { value } = names.formatToParts(ms).find(({ type }) => type === "timeZoneName");
  return `${date(ms)} ${value}`;
}
