const view = () => '';
