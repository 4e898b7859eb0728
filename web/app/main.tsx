// The page of `urial serve`. It uses only the public API.

import {render} from 'preact';

import {chooseTheme, watchTheme} from '../page/theme';
import {startPage} from './actions';
import {Page} from './views/page';
import {storedTheme} from './views/sidebar';

chooseTheme(storedTheme());
watchTheme(() => undefined);
startPage();  // what it asks for comes while the page is drawn
const app = document.getElementById('app')!;
app.replaceChildren();
render(<Page />, app);
