"""Where fits of frozen-phonon patterns are off, suspect by suspect."""
