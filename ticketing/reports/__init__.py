"""Reports (通报、考核、总评): made of figures by a job, scored by a versioned method, published for good."""
