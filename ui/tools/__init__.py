"""Programs for those who change the screens: subset the fonts, compile the catalogues, draw the pictures of the docs."""
