const view = () => '<a class="pill" href="#learning"><span class="dot"></span><span class="words">Connecting…</span><span class="bar" hidden><i></i></span></a>';
