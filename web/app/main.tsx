// The page of `urial serve`. It uses only the public API.

import {render} from 'preact';

import {chooseTheme, watchTheme} from '../page/theme';
import {startPage} from './actions';
import {Page} from './views/page';
import {storedTheme} from './views/sidebar';

chooseTheme(storedTheme());
watchTheme(() => undefined);
render(<Page />, document.getElementById('app')!);
startPage();
