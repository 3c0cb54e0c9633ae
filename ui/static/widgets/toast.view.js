const view = () => '<div class="toasts" aria-live="polite"></div>';
