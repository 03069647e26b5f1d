// The page keeps itself fresh while somebody looks at it, and can be stopped (WCAG 2.2.2).

export const EVERY_S = 10;

/**
 * @param {(signal: AbortSignal) => Promise<void>} turn asks anew, and shows what has changed
 * @returns {{pause: (isPaused: boolean) => void}}
 */
export function refreshing(turn) {
  let isPaused = false;
  let running = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;

  async function go() {
    clearTimeout(waiting);
    running.abort();
    const { signal } = running = new AbortController();
    if (isPaused || document.hidden) return;
    try {
      await turn(signal);
    } finally {
      if (!signal.aborted) waiting = setTimeout(go, EVERY_S * 1000);
    }
  }

  document.addEventListener("visibilitychange", go);
  go();
  return {
    pause(now) {
      isPaused = now;
      go();
    },
  };
}
