// What belongs to the page and to no widget: theme, views, shortcuts, scrolling, status polling.
(() => {
  const root = document.documentElement;
  const find = query => document.querySelector(query);
  const composer = () => find('#message textarea');
  const isNarrow = () => matchMedia('(max-width: 767px)').matches;
  const isTyping = node => node?.matches?.('input, textarea, select, [contenteditable=true]');

  // --- theme: the system's, unless chosen here ---
  const paint = () => {
    const chosen = localStorage.getItem('cf-theme');
    if (chosen) document.body.classList.toggle('dark', chosen === 'dark');
  };
  const flip = () => {
    localStorage.setItem('cf-theme', document.body.classList.contains('dark') ? 'light' : 'dark');
    paint();
  };

  // --- views: the chat, or a page that the sidebar links to (#learning) ---
  const links = () => [...document.querySelectorAll('#nav a')];
  const showView = () => {
    const name = location.hash.slice(1);
    root.dataset.view = name && links().some(link => link.hash === '#' + name) ? name : 'chat';
    for (const link of links()) {
      const isHere = link.hash === (root.dataset.view === 'chat' ? '' : '#' + root.dataset.view);
      isHere ? link.setAttribute('aria-current', 'page') : link.removeAttribute('aria-current');
      if (isHere) document.title = (link.hash ? link.textContent + ' · ' : '') + 'chatfeedback';
    }
    for (const view of document.querySelectorAll('#chat-view, .view'))
      view.toggleAttribute('data-shown', view.id === root.dataset.view + '-view');
    document.dispatchEvent(new Event('cf:view'));
    if (isNarrow()) root.dataset.side = 'closed';
  };
  const showFirstView = () => {
    root.dataset.view = location.hash.slice(1) || 'chat';
    const isThere = links().length && links().every(link => !link.hash || find(link.hash + '-view'));
    isThere ? showView() : setTimeout(showFirstView, 50);
  };
  const leavePage = () => {
    if (location.hash) { history.replaceState(null, '', location.pathname + location.search); showView(); }
    if (isNarrow()) root.dataset.side = 'closed';
  };

  // --- the sidebar ---
  const toggleSide = () => {
    const open = root.dataset.side ? root.dataset.side === 'open' : !isNarrow();
    root.dataset.side = open ? 'closed' : 'open';
    for (const button of document.querySelectorAll('.side-toggle')) button.setAttribute('aria-expanded', String(!open));
  };

  // --- the transcript stays at its end unless the person scrolled up ---
  let follows = true, lastTop = 0;
  const toEnd = () => { const box = find('#scroll'); if (box) box.scrollTop = box.scrollHeight; };
  const pin = () => {
    const box = find('#scroll');
    if (!box) return setTimeout(pin, 100);
    box.addEventListener('scroll', () => {
      // Growing text also fires this; only moving up means that the person wants to read there.
      if (box.scrollHeight - box.scrollTop - box.clientHeight < 60) follows = true;
      else if (box.scrollTop < lastTop - 2) follows = false;
      lastTop = box.scrollTop;
      find('#to-end')?.toggleAttribute('hidden', follows);
    }, {passive: true});
    const keep = () => { if (follows) toEnd(); };
    new ResizeObserver(keep).observe(box);
    new MutationObserver(keep).observe(box, {childList: true, subtree: true, characterData: true});
  };

  // --- the composer: names for its buttons, and text put into it ---
  const nameButtons = () => {
    const box = composer();
    if (box && !box.hasAttribute('aria-label')) box.setAttribute('aria-label', 'Message');
    const button = find('#message .submit-button');
    if (button && button.getAttribute('aria-label') !== 'Send') button.setAttribute('aria-label', 'Send');
  };
  const type = text => {
    const box = composer();
    box.value = text;
    box.dispatchEvent(new Event('input', {bubbles: true}));
  };
  window.cfTakeDraft = text => {
    if (text.trim() && !root.hasAttribute('data-writing')) type('');
    document.dispatchEvent(new Event('cf:asked'));
  };
  const send = text => {
    if (!composer() || composer().disabled) return;
    type(text);
    setTimeout(() => find('#message .submit-button')?.click(), 60);
  };

  // --- a comparison that waits for a vote gives the keys 1 2 0 9 to the vote ---
  document.addEventListener('cf:transcript', event => {
    const waits = event.detail?.items?.some(item => item.compare?.votable);
    const box = composer();
    if (waits && document.activeElement === box && !box.value.trim()) box.blur();
    if (event.detail?.live) { if (event.detail.items.length) root.dataset.busy = 'yes'; else delete root.dataset.busy; }
  });

  // --- status, every two seconds while the page is looked at ---
  const poll = async () => {
    let wait = 2000;
    if (!document.hidden) {
      try {
        const answer = await fetch('api/v1/status', {cache: 'no-store'});
        if (!answer.ok) throw new Error(String(answer.status));
        window.cfStatus = await answer.json();
      } catch {
        window.cfStatus = {offline: true, engine: {phase: 'failed', message: 'The app does not answer. Is it still running?'}, learning: {phase: 'idle', message: ''}};
      }
      if (window.cfStatus.engine.phase !== 'ready') wait = 1000;
      root.dataset.engine = window.cfStatus.engine.phase;
      document.dispatchEvent(new CustomEvent('cf:status', {detail: window.cfStatus}));
      const notice = find('#engine-notice');
      if (notice) {
        const engine = window.cfStatus.engine;
        notice.hidden = engine.phase === 'ready';
        if (notice.textContent !== engine.message) notice.textContent = engine.message;
      }
    }
    clearTimeout(timer);
    timer = setTimeout(poll, wait);
  };
  let timer = 0;
  document.addEventListener('cf:poll', poll);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) poll(); });

  document.addEventListener('cf:type', event => type(event.detail));
  document.addEventListener('cf:send', event => send(event.detail));
  document.addEventListener('cf:navigated', () => { leavePage(); follows = true; setTimeout(toEnd, 300); });
  window.addEventListener('hashchange', showView);
  document.addEventListener('click', event => {
    if (event.target.closest('#theme-toggle')) flip();
    if (event.target.closest('.side-toggle, #side-shade')) toggleSide();
    if (event.target.closest('#to-end')) { follows = true; toEnd(); }
    if (event.target.closest('#nav a[href="./"]')) { event.preventDefault(); leavePage(); composer()?.focus(); }
    if (event.target.closest('#new-chat')) { document.dispatchEvent(new Event('cf:new')); leavePage(); }
    if (event.target.closest('#message .submit-button')) follows = true;
  });
  // Stopped here, before the page's own listeners: a blank is not sent, and one answer is written
  // at a time, so that what is typed next stays in the box.
  document.addEventListener('keydown', event => {
    if (event.key !== 'Enter' || event.shiftKey || !event.target.closest?.('#message')) return;
    if (!event.target.value.trim() || root.hasAttribute('data-writing')) {
      event.preventDefault();
      event.stopPropagation();
    }
  }, true);
  document.addEventListener('keydown', event => {
    if (event.key === 'Enter' && event.target.closest?.('#message')) follows = true;
    if (event.key === 'Escape' && isTyping(event.target) && event.target.closest('#message')) return event.target.blur();
    if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey || event.repeat || find('dialog[open]')) return;
    if (event.key === '/') { event.preventDefault(); return composer()?.focus(); }
    const votes = [...document.querySelectorAll(`#transcript .vote[data-key="${CSS.escape(event.key)}"]`)];
    const vote = votes.reverse().find(each => !each.disabled && each.offsetParent);
    if (vote) { event.preventDefault(); vote.click(); }
  });

  const boot = () => {
    paint();
    // Gradio sets its own theme class while it starts; the choice made here wins.
    const watcher = new MutationObserver(paint);
    watcher.observe(document.body, {attributes: true, attributeFilter: ['class']});
    setTimeout(() => watcher.disconnect(), 4000);
    new MutationObserver(nameButtons).observe(document.body, {childList: true, subtree: true});
    nameButtons(); showFirstView(); pin(); poll();
  };
  document.body ? boot() : document.addEventListener('DOMContentLoaded', boot);
})();
