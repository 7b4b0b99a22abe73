// Brings what is new to the page: rows of what arrives by server-sent events, and the other sections every few seconds.
// The server makes all HTML, with each value escaped. Without this script the page shows what was there when it was loaded.
'use strict';

(() => {
  const MOST_ROWS = 1000;
  const PARTS_MS = 3000;
  const base = document.currentScript.dataset.base;
  const rows = document.getElementById('rows');
  const state = document.getElementById('state');
  const empty = document.getElementById('empty');
  const button = document.getElementById('live');
  const form = document.getElementById('filter');
  let source;
  let timer;
  let last = 0;

  function query() {
    return new URLSearchParams([...new FormData(form)].map(([name, value]) => [name, String(value)]));
  }

  function tell(text) {
    if (state.textContent !== text) state.textContent = text;
  }

  function show({ html, sequence, skipped, restarted }) {
    if (restarted) rows.replaceChildren();
    last = sequence;
    if (html !== '') rows.insertAdjacentHTML('afterbegin', html);
    while (rows.rows && rows.rows.length > MOST_ROWS) rows.deleteRow(-1);
    empty.hidden = rows.rows.length > 0;
    tell(skipped > 0 ? `Live. ${skipped} rows were too many and are left out.` : 'Live.');
  }

  function go() {
    stop();
    const asked = query();
    // What was seen is not asked for again, unless the filter has changed.
    asked.set('after', String(last));
    source = new EventSource(`${base}/page/stream?${asked}`);
    source.onmessage = (event) => show(JSON.parse(event.data));
    source.onerror = () => {
      tell('The connection is lost. The page tries again.');
      // After an answer that is no stream, a browser does not try again by itself.
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(go, PARTS_MS);
    };
    button.textContent = 'Stop';
    button.setAttribute('aria-pressed', 'true');
  }

  function stop() {
    source?.close();
    source = undefined;
    clearTimeout(timer);
  }

  function startAgain() {
    last = 0;
    rows.replaceChildren();
    go();
  }

  /** Replaces a part, unless someone is within it. What is unfolded stays so. */
  function replace(id, html) {
    const element = document.getElementById(id);
    if (!element || element.dataset.html === html || element.contains(document.activeElement)) return;
    const open = [...element.querySelectorAll('details')].map((details) => details.open);
    const scrolled = [...element.querySelectorAll('.scroll')].map(({ scrollTop, scrollLeft }) => [
      scrollTop,
      scrollLeft,
    ]);
    element.dataset.html = html;
    element.innerHTML = html;
    element.querySelectorAll('details').forEach((details, index) => (details.open = open[index] ?? false));
    element
      .querySelectorAll('.scroll')
      .forEach((region, index) => region.scrollTo(scrolled[index]?.[1] ?? 0, scrolled[index]?.[0] ?? 0));
  }

  async function renew() {
    if (!source || document.hidden) return;
    try {
      const answer = await fetch(`${base}/page/parts`);
      // The session is over: the form to log in takes the place of the page.
      if (answer.status === 404) location.reload();
      if (answer.ok) for (const [id, html] of Object.entries(await answer.json())) replace(id, html);
    } catch {
      // The stream says that the connection is lost.
    }
  }

  button.hidden = false;
  document.getElementById('more')?.remove();
  button.addEventListener('click', () => {
    if (source) {
      stop();
      button.textContent = 'Go on';
      button.setAttribute('aria-pressed', 'false');
      tell('Stopped.');
    } else go();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    history.replaceState(null, '', `?${query()}`);
    startAgain();
  });
  startAgain();
  setInterval(renew, PARTS_MS);
})();
